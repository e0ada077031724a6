"""The function that initialises the weights of the generated classes."""

from __future__ import annotations

from dcgan_compiler.ir import Layer, Model

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


def init_function(model: Model) -> str:
    """The source of `init_weights`, or nothing where torch's own initialisation is kept."""
    layers = [*model.source.layers, *model.derived.layers]
    operators = [layer for layer in layers if layer.definition.weights == "operator"]
    norms = [layer for layer in layers if layer.definition.weights == "norm" and layer.arguments["affine"]]
    if model.init == "torch" or not operators:
        return ""
    zero = ", biases zero" if any(layer.arguments["bias"] for layer in operators) else ""
    lines = [
        "def init_weights(module: nn.Module) -> None:",
        f'    """Initialise one module: {_SUMMARIES[model.init].format(zero=zero)}."""',
        f"    if isinstance(module, {_class_names(operators)}):",
        *_weight_lines(model, operators),
        *_bias_lines(operators),
    ]
    if model.init == "dcgan" and norms:
        lines += [
            f"    elif isinstance(module, {_class_names(norms)}):",
            "        nn.init.normal_(module.weight, mean=1.0, std=0.02)",
            "        nn.init.zeros_(module.bias)",
        ]
    return "\n".join(lines)


def _weight_lines(model: Model, operators: list[Layer]) -> list[str]:
    """One statement, or two ways where some of the weights are parametrized: those are set through their inverse."""
    statement = _STATEMENTS[model.init]
    plain = f"        {statement.format(weight='module.weight')}"
    if not any(_is_parametrized(layer) for layer in operators):
        return [plain]
    value = statement.format(weight="torch.empty_like(module.weight)")
    return [
        "        if parametrize.is_parametrized(module):",
        f"            module.weight = {value}",
        "        else:",
        f"    {plain}",
    ]


def _is_parametrized(layer: Layer) -> bool:
    return bool(layer.arguments.get("spectral_norm") or layer.arguments.get("weight_norm"))


def _bias_lines(operators: list[Layer]) -> list[str]:
    biased = [bool(layer.arguments["bias"]) for layer in operators]
    if not any(biased):
        return []
    if all(biased):
        return ["        nn.init.zeros_(module.bias)"]
    return ["        if module.bias is not None:", "            nn.init.zeros_(module.bias)"]


def _class_names(layers: list[Layer]) -> str:
    names: list[str] = []
    for layer in layers:
        assert layer.definition.module is not None
        name = f"nn.{layer.definition.module(layer).name}"
        names += [] if name in names else [name]
    return names[0] if len(names) == 1 else f"({', '.join(names)})"
