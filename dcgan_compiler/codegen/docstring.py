"""The docstrings of the generated classes: what they do, shapes, parameters."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from itertools import chain

from dcgan_compiler.codegen.arguments import Argument
from dcgan_compiler.codegen.classes import ClassDef
from dcgan_compiler.codegen.format import LINE_LENGTH
from dcgan_compiler.ir import Model, Network, Shape, Value, takes_label

CLASS_NAMES = {"discriminator": "Discriminator", "generator": "Generator", "encoder": "Encoder", "decoder": "Decoder"}
_QUOTES = 6
_AXES: tuple[tuple[str, ...], ...] = ((), ("L",), ("H", "W"), ("D", "H", "W"))


def docstring(paragraphs: Sequence[str], indent: int) -> str:
    """The text between the quotes; closing quotes stand alone after more than one line."""
    width = LINE_LENGTH - indent
    first, *rest = paragraphs
    lines = [first] if len(first) + _QUOTES <= width else textwrap.wrap(first, width - _QUOTES // 2)
    for paragraph in rest:
        wrapped = (textwrap.wrap(part, width, break_on_hyphens=False) for part in paragraph.split("\n"))
        lines += ["", *chain.from_iterable(wrapped)]
    margin = " " * indent
    text = "\n".join(margin + line if line else "" for line in lines).strip()
    return f"{text}\n{margin}" if len(lines) > 1 else text


def fitted(what: str, separator: str, shapes: str, further: Sequence[str] = ()) -> list[str]:
    """Summary and shapes in one sentence if they fit on the first line of a class docstring, otherwise in two."""
    one_line = f"{what}{separator}{shapes}."
    if len(one_line) + _QUOTES + 4 <= LINE_LENGTH:
        return [one_line, *further]
    return [f"{what}.", " ".join([f"{shapes}.", *further])]


# The halves


def half_docstring(network: Network, model: Model, noun: str) -> list[str]:
    """The paragraphs for the class of one half."""
    what = {
        "discriminator": f"Score {noun}s: {_mapping(network)} {_scores(network.out_shape)}{_class_logits(network)}",
        "generator": f"Draw {noun}s from noise: {_mapping(network)}{_interval(network)}",
        "encoder": f"Encode {noun}s: {_mapping(network)}{_meaning(network)}",
        "decoder": f"Decode {noun}s: {_mapping(network)}{_interval(network)}",
    }[network.role]
    law = f"The mirror of `{CLASS_NAMES[model.source.role]}`: each block undoes the shape change of the block it names."
    mirrors = [law] if network is model.derived and model.mirrored else []
    return fitted(what, "; ", f"{network.parameters:,} parameters", mirrors)


def _mapping(network: Network) -> str:
    return f"{batch(network.in_shape)}{_and_classes(takes_label(network.body))} -> {batch(network.out_shape)}"


def _and_classes(takes: bool) -> str:
    """The label, beside the shape of what arrives with it."""
    return " and (N) classes" if takes else ""


def _class_logits(network: Network) -> str:
    return f" and {batch(network.heads[1][1].out_shape)} class logits" if network.heads else ""


def batch(shape: Shape) -> str:
    """A shape with the batch: `(N, 3, 64, 64)`."""
    return f"(N, {', '.join(map(str, shape))})"


def _meaning(network: Network) -> str:
    return " mean and log-variance" if network.heads else ""


def _scores(shape: Shape) -> str:
    if len(shape) > 1:
        return "logits, one for each patch"
    return "logits" if shape == (1,) else "scores"


def _interval(network: Network) -> str:
    return f" in {network.interval}" if network.interval else ""


def model_docstring(model: Model, noun: str, *, shared: int) -> str:
    """The text for the class that holds an encoder and a decoder, which share a number of parameters."""
    count = f"{model.source.parameters + model.derived.parameters - shared:,} parameters"
    shape = batch(model.input_shape)
    if model.condition:
        what = f"Conditional variational autoencoder (Sohn et al. 2015) of {noun}s {shape}"
        return docstring(fitted(what, "; ", count), 4)
    if model.kind == "vae":
        return docstring(fitted(f"Variational autoencoder (Kingma & Welling 2014) of {noun}s {shape}", "; ", count), 4)
    return docstring(fitted(f"Encode {noun}s and decode them again: {shape} -> {shape}", "; ", count), 4)


# Classes that structures share


def shared_docstring(definition: ClassDef) -> list[str]:
    """The paragraphs for a class that stands for one or more structures."""
    use = definition.uses[0]
    arriving = _in_terms_of(definition.arguments, tuple(one.in_shape[0] for one in definition.uses))
    leaving = _in_terms_of(definition.arguments, tuple(one.out_shape[0] for one in definition.uses))
    keeps_size = all(one.in_shape[1:] == one.out_shape[1:] for one in definition.uses)
    before, after = _AXES[len(use.in_shape) - 1], _AXES[len(use.out_shape) - 1]
    after = after if keeps_size else tuple(f"{axis}'" for axis in after)
    taken = f"(N, {', '.join((arriving, *before))}){_and_classes(use.takes_label)}"
    shapes = f"{taken} -> (N, {', '.join((leaving, *after))})"
    return fitted(use.summary or _words(definition.name), ": ", shapes)


def _in_terms_of(arguments: Sequence[Argument], values: tuple[int, ...]) -> str:
    """Numbers of channels, one for each use of a class, as an expression of the arguments of the class."""
    channels = [argument for argument in arguments if argument.is_channels]
    for argument in sorted(channels, key=lambda argument: argument.values != values):
        relation = _relation(argument.values, values)
        if relation is not None:
            return relation.format(argument.name)
    return str(values[0]) if len(set(values)) == 1 else "C"


def _relation(known: tuple[Value, ...], values: tuple[int, ...]) -> str | None:
    """How some numbers follow from others: equal, a multiple, or more by a constant."""
    pairs = [(a, b) for a, b in zip(known, values, strict=True) if isinstance(a, int)]
    if all(a == b for a, b in pairs):
        return "{}"
    if len(set(pairs)) < 2:
        return None
    if len({b - a for a, b in pairs}) == 1:
        difference = pairs[0][1] - pairs[0][0]
        return f"{{}} {'+' if difference > 0 else '-'} {abs(difference)}"
    if len({b / a for a, b in pairs}) == 1 and pairs[0][1] % pairs[0][0] == 0:
        return f"{pairs[0][1] // pairs[0][0]} * {{}}"
    return None


def _words(name: str) -> str:
    """`DownBlock` as `Down block`; a name that is not made of words, such as `MBConv`, stays as it is."""
    words = re.findall(r"[A-Z][a-z]{2,}|.", name)
    return " ".join(words).capitalize() if all(len(word) > 2 for word in words) else name
