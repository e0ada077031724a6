"""The vocabulary in words: what `dcganc layers` prints, all of it from the one table."""

from __future__ import annotations

from textwrap import fill

from dcgan_compiler.expressions import show
from dcgan_compiler.layers import VOCABULARY
from dcgan_compiler.layers.definition import ACTIVATION, ATTENTION, DROPOUT, NORM, OPERATOR, LayerDef, Parameter

_WIDTH = 100
_TITLES = {
    OPERATOR: "Operators: the mirror undoes them, in reverse order",
    NORM: "Normalisation: stays at its place between two operators, or becomes what the mirror's `norm` says",
    ACTIVATION: "Activations: stay at their place, or become what the mirror's `activation` says",
    DROPOUT: "Dropout: stays at its place, or goes where the mirror says `dropout drop`",
    ATTENTION: "Attention: stays at its place",
}
_INPUTS = ("(F)", "(C, L)", "(C, H, W)", "(C, D, H, W)")


def list_layers() -> str:
    """Every layer with what it does, grouped by what the mirror does with it."""
    width = max(map(len, VOCABULARY))
    groups = []
    for role, title in _TITLES.items():
        rows = [f"  {layer.name:{width}}  {layer.summary}" for layer in VOCABULARY.values() if layer.role == role]
        if rows:
            groups.append("\n".join([title, *rows]))
    return "\n\n".join(groups) + "\n"


def describe_layer(layer: LayerDef) -> str:
    """One layer: its call, its arguments, and its rules."""
    parts = [
        _filled(f"{layer.name}({', '.join(map(signature, layer.parameters))})", " " * (len(layer.name) + 1)),
        _filled(f"    {layer.summary}", "    "),
        "",
        *_arguments(layer),
        _rule("input", " or ".join(_INPUTS[rank] for rank in layer.ranks)),
        _rule("shape", layer.shape_rule),
        _rule("mirror", layer.mirror_rule),
    ]
    return "\n".join(parts) + "\n"


def _arguments(layer: LayerDef) -> list[str]:
    if not layer.parameters:
        return []
    width = max(len(parameter.name) for parameter in layer.parameters)
    rows = [f"    {parameter.name:{width}}  {parameter.check.expected}" for parameter in layer.parameters]
    return ["arguments", *(_filled(row, " " * (width + 6)) for row in rows), ""]


def signature(parameter: Parameter) -> str:
    """An argument with its default; in brackets where it may be left out, but no value says so."""
    if parameter.required:
        return parameter.name
    return f"[{parameter.name}]" if parameter.default is None else f"{parameter.name}={show(parameter.default)}"


def _rule(name: str, text: str) -> str:
    return _filled(f"{name:8}{text}", " " * 8)


def _filled(text: str, indent: str) -> str:
    return fill(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
