"""The function that initialises the weights of the generated classes."""

from __future__ import annotations

from dcgan_compiler.ir import Layer, Model
from dcgan_compiler.layers.definition import Module

_SUMMARIES = {
    "dcgan": "weights from N(0, 0.02){zero} (Radford et al. 2016)",
    "orthogonal": "orthogonal weights{zero} (Saxe et al. 2014)",
    "xavier": "uniform Xavier weights{zero} (Glorot & Bengio 2010)",
    "kaiming": "normal Kaiming weights{zero} (He et al. 2015)",
}
_STATEMENTS = {
    "dcgan": "nn.init.normal_({weight}, std=0.02)",
    "orthogonal": "nn.init.orthogonal_({weight})",
    "xavier": "nn.init.xavier_uniform_({weight})",
    "kaiming": 'nn.init.kaiming_normal_({weight}, nonlinearity="relu")',
}


_POWER_ITERATION = [
    "            for _ in range(15):  # each access is a step of the power iteration",
    "                _ = module.weight",
]


def init_function(model: Model) -> str:
    """The source of `init_weights`, or nothing where torch's own initialisation is kept."""
    layers = [*model.source.layers, *model.derived.layers]
    operators = [module for layer in layers if layer.definition.weights == "operator" for module in _modules(layer)]
    norms = [module for layer in layers if layer.definition.weights == "norm" for module in _modules(layer)]
    affine = [module for module in norms if _keyword(module, "affine")]
    if model.init == "torch" or not operators:
        return ""
    zero = ", biases zero" if any(_keyword(module, "bias") for module in operators) else ""
    lines = [
        "def init_weights(module: nn.Module) -> None:",
        f'    """Initialise one module: {_SUMMARIES[model.init].format(zero=zero)}."""',
        f"    if isinstance(module, {_class_names(operators)}):",
        *_weight_lines(_STATEMENTS[model.init], operators),
        *_bias_lines(operators),
    ]
    if model.init == "dcgan" and affine:
        condition = "" if len(affine) == len(norms) else " and module.affine"
        lines += [
            f"    elif isinstance(module, {_class_names(affine)}){condition}:",
            "        nn.init.normal_(module.weight, mean=1.0, std=0.02)",
            "        nn.init.zeros_(module.bias)",
        ]
    return "\n".join(lines)


def _modules(layer: Layer) -> list[Module]:
    """The torch modules of a layer, those inside a class of its own too."""
    definition = layer.definition
    if composite := definition.composite(layer):
        return [part for _, part in composite.parts if isinstance(part, Module) and "." not in part.name]
    return [definition.module(layer)] if definition.module is not None else []


def _keyword(module: Module, name: str) -> bool:
    """A keyword that is true unless it is given."""
    return bool(dict(module.keywords).get(name, True))


def _weight_lines(statement: str, operators: list[Module]) -> list[str]:
    """One statement, or two ways where some of the weights are parametrized: those are set through their inverse.

    The singular vectors that spectral_norm keeps belong to the old weight then; torch refreshes them by one step of the
    power iteration at each access, and takes 15 steps for a new layer.
    """
    plain = statement.format(weight="module.weight")
    if not any(module.wrapper for module in operators):
        return [f"        {plain}"]
    return [
        "        if parametrize.is_parametrized(module):",
        f"            module.weight = {statement.format(weight='torch.empty_like(module.weight)')}",
        *(_POWER_ITERATION if any(module.wrapper == "spectral_norm" for module in operators) else []),
        "        else:",
        f"            {plain}",
    ]


def _bias_lines(operators: list[Module]) -> list[str]:
    if not any(_keyword(module, "bias") for module in operators):
        return []
    has_bias = "not isinstance(module, nn.Embedding) and " if any(one.name == "Embedding" for one in operators) else ""
    return [f"        if {has_bias}module.bias is not None:", "            nn.init.zeros_(module.bias)"]


def _class_names(modules: list[Module]) -> str:
    names = list(dict.fromkeys(f"nn.{module.name}" for module in modules))
    return names[0] if len(names) == 1 else f"({', '.join(names)})"
