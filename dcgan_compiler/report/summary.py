"""A model as rows of numbers: what `dcganc show` draws or prints as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from dcgan_compiler.ir import Gate, Layer, Model, Network, Node, Parallel, Sequence, Shape, Skip, Tap, Value, layers
from dcgan_compiler.kinds import Condition
from dcgan_compiler.layers.definition import uniform
from dcgan_compiler.training import Training

# The arguments that a short description shows, in the order of the layer's definition: those that decide the shape. The
# rest (padding, bias, slopes, ...) is in the description for whoever wants it.
_SHOWN = {
    "classes": "{} classes",
    "embedding_dim": "{}",
    "out_channels": "{}",
    "out_features": "{}",
    "kernel_size": "{}",
    "stride": "/{}",
    "dilation": "dilation={}",
    "groups": "groups={}",
    "multiplier": "multiplier={}",
    "output_size": "{}",
    "size": "{}",
    "scale_factor": "x{}",
    "mode": "{}",
    "upscale_factor": "{}",
    "downscale_factor": "{}",
    "num_groups": "{}",
    "unflattened_size": "{}",
    "spectral_norm": "spectral_norm",
    "weight_norm": "weight_norm",
}


@dataclass(frozen=True)
class Block:
    """One line of a network.

    `name` is None for a line that only reshapes. `layers` are short descriptions, and `mirrors` is the name of the line
    of the described half that this one undoes.
    """

    name: str | None
    layers: tuple[str, ...]
    out_shape: Shape
    parameters: int
    multiply_adds: int
    mirrors: str | None


@dataclass(frozen=True)
class Half:
    """One network; `name` is that of its class in the generated code."""

    name: str
    in_shape: Shape
    out_shape: Shape
    blocks: tuple[Block, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Summary:
    """Both halves of a model, the described one first, and how it is trained."""

    name: str
    kind: str
    input_shape: Shape
    latent: int | None
    condition: Condition | None
    halves: tuple[Half, Half]
    training: Training

    def to_dict(self) -> dict[str, Any]:
        """The summary as JSON values."""
        return asdict(self)


def summarise(model: Model) -> Summary:
    """The rows and totals of both halves."""
    halves = (_half(model.source), _half(model.derived))
    return Summary(model.name, model.kind, model.input_shape, model.latent, model.condition, halves, model.training)


def _half(network: Network) -> Half:
    lines = [_block(line) for line in network.body.items]
    heads = [_block(layer, name) for name, layer in network.heads]
    return Half(
        network.role.capitalize(),
        network.in_shape,
        network.out_shape,
        (*lines, *heads),
        network.parameters,
        network.multiply_adds,
    )


def _block(node: Node, name: str | None = None) -> Block:
    line = node if isinstance(node, Sequence) else None
    return Block(
        name or (line.name if line else None),
        describe_nodes(line.items if line else (node,)),
        node.out_shape,
        sum(layer.parameters for layer in layers(node)),
        sum(layer.multiply_adds for layer in layers(node)),
        line.mirrors if line else None,
    )


# In short words


def describe_nodes(nodes: Iterable[Node]) -> tuple[str, ...]:
    """Each node in short, what repeats in a row once with a count: `conv(64, 3x3)`, `3 x Block{conv(64, 3x3) relu}`."""
    texts = [text for node in nodes for text in _describe(node)]
    return tuple(_counted(text, sum(1 for _ in group)) for text, group in groupby(texts))


def _counted(text: str, count: int) -> str:
    return text if count == 1 else f"{count} x {text}"


def _describe(node: Node) -> tuple[str, ...]:
    match node:
        case Layer():
            return (_describe_layer(node),)
        case Sequence(macro=None):
            return describe_nodes(node.items)
        case Sequence():
            return (_braced(str(node.macro), [node]),)
        case Parallel():
            return (_braced(node.keyword, node.branches),)
        case Gate():
            return (_braced("gate", [node.body]),)
        case Tap():
            return (f"keep{node.number}",)
        case Skip():
            return (f"{'concat' if node.join == 'cat' else 'add'}(keep{node.number})",)


def _braced(keyword: str, bodies: Iterable[Sequence]) -> str:
    """`residual{conv(64, 3x3) relu | identity}`: the bodies after the word for how they are combined."""
    inner = [" ".join(describe_nodes(body.items)) or "identity" for body in bodies]
    return f"{keyword}{{{' | '.join(inner)}}}"


def _describe_layer(layer: Layer) -> str:
    shown = []
    for parameter in layer.definition.parameters:
        value = layer.arguments[parameter.name]
        if parameter.name in _SHOWN and not _is_usual(value, parameter.default):
            shown.append(_SHOWN[parameter.name].format(_short(value if parameter.required else uniform(value))))
    return f"{layer.name}({', '.join(shown)})" if shown else layer.name


def _is_usual(value: Value, default: object) -> bool:
    """Whether an argument has its default, or that on every axis."""
    return value == default or (isinstance(value, tuple) and set(value) == {default})


def _short(value: Value) -> str:
    """A value without parentheses: a tuple is `4x4`."""
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
