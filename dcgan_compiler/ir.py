"""The typed intermediate representation: a tree of blocks in which every node knows its shapes.

Shapes leave out the batch: `(F,)` features, or `(C, L)`, `(C, H, W)`, `(C, D, H, W)` for a map of rank 1, 2 or 3. A
node is built from its parts and the shape that arrives, so an ill-shaped node can not exist. Nothing here is ever
changed: `rebuild.py` makes the same tree for another input shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence as Items
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

from dcgan_compiler import problems
from dcgan_compiler.limits import limits
from dcgan_compiler.source import Span

if TYPE_CHECKING:
    from dcgan_compiler.kinds import Condition
    from dcgan_compiler.layers.definition import LayerDef
    from dcgan_compiler.policy import Policy
    from dcgan_compiler.training import Training

Shape = tuple[int, ...]
Value = int | float | bool | str | tuple["Value", ...] | None
Arguments = Mapping[str, Value]


def describe(shape: Shape) -> str:
    """`(64, 7, 7)`; a single feature axis as `(784)`."""
    return f"({', '.join(map(str, shape))})"


@dataclass(frozen=True)
class Layer:
    """One layer of the vocabulary with its arguments bound; spatial arguments are tuples, one entry per axis.

    In a mirror, `undoes` is the layer that an operator with weights is the transpose of.
    """

    definition: LayerDef = field(repr=False)
    arguments: Arguments
    in_shape: Shape
    out_shape: Shape
    span: Span = field(compare=False, repr=False)
    undoes: Layer | None = field(default=None, compare=False, repr=False)

    @classmethod
    def build(cls, definition: LayerDef, arguments: Arguments, in_shape: Shape, span: Span) -> Layer:
        """The layer on an input of `in_shape`; raises `Problem` where it does not fit."""
        definition.check_rank(in_shape)
        layer = cls(definition, arguments, in_shape, definition.infer(in_shape, arguments), span)
        if prod(layer.out_shape) > limits().values:
            found, limit = describe(layer.out_shape), limits().values
            raise problems.TOO_LARGE.error(
                what=f"the output of `{definition.name}`", found=found, limit=limit, name="values"
            )
        if layer.parameters > limits().parameters:
            found, limit = f"{layer.parameters:,}", limits().parameters
            raise problems.TOO_LARGE.error(what=f"`{definition.name}`", found=found, limit=limit, name="parameters")
        return layer

    @property
    def name(self) -> str:
        """The layer's name in the language."""
        return self.definition.name

    @cached_property
    def parameters(self) -> int:
        """Trainable parameters."""
        return self.definition.count(self)

    @property
    def multiply_adds(self) -> int:
        """Multiply-add operations of one forward pass of one sample; only linear operators count."""
        return self.definition.cost(self)


@dataclass(frozen=True)
class Sequence:
    """Nodes one after the other: a body, one of its lines, a macro's expansion, or a branch.

    `name` is set on the lines of a body (the author's label, or a numbered role) and `mirrors` on the lines of a
    derived half: the name of the line that it undoes. `macro` is the name of the block that was called with
    `arguments`, if this is one, and `transposed` says that this is the mirror of such a call.
    """

    items: tuple[Node, ...]
    in_shape: Shape
    out_shape: Shape
    span: Span = field(compare=False, repr=False)
    name: str | None = None
    labelled: bool = False
    macro: str | None = None
    arguments: tuple[tuple[str, Value], ...] = ()
    transposed: bool = False
    mirrors: str | None = None

    @classmethod
    def build(cls, items: Iterable[Node], in_shape: Shape, span: Span) -> Sequence:
        """Nodes that have been built one on the other's output, the first on `in_shape`."""
        items = tuple(items)
        return cls(items, in_shape, items[-1].out_shape if items else in_shape, span)


@dataclass(frozen=True)
class Parallel:
    """Branches side by side. What they receive and how they are joined are each other's transposes:

    | written            | `fan_out` | `join` | mirrored by      |
    | ------------------ | --------- | ------ | ---------------- |
    | `residual`, `sum`  | copy      | add    | copy, add        |
    | `concat`           | copy      | cat    | split, add       |
    | (mirror of concat) | split     | add    | copy, cat        |
    """

    fan_out: str
    join: str
    branches: tuple[Sequence, ...]
    in_shape: Shape
    out_shape: Shape
    keyword: str
    span: Span = field(compare=False, repr=False)

    @classmethod
    def build(
        cls, fan_out: str, join: str, branches: Items[Sequence], in_shape: Shape, keyword: str, span: Span
    ) -> Parallel:
        """Branches that have been built on their share of `in_shape`; raises `Problem` where they can not be joined."""
        shapes = [branch.out_shape for branch in branches]
        for branch, shape in zip(branches, shapes, strict=True):
            agree = shape == shapes[0] if join == "add" else shape[1:] == shapes[0][1:]
            if not agree:
                raise problems.BRANCH_MISMATCH.error(
                    branch.span,
                    kind=keyword,
                    first=f"{describe(shapes[0])} (line {branches[0].span.line})",
                    second=f"{describe(shape)} (line {branch.span.line})",
                    hint=(
                        "a sum needs equal shapes"
                        if join == "add"
                        else "branches are joined along the channels: their other axes must be equal"
                    ),
                )
        channels = shapes[0][0] if join == "add" else sum(shape[0] for shape in shapes)
        return cls(fan_out, join, tuple(branches), in_shape, (channels, *shapes[0][1:]), keyword, span)

    @property
    def shares(self) -> tuple[Shape, ...]:
        """The shape that each branch receives."""
        return tuple(branch.in_shape for branch in self.branches)


@dataclass(frozen=True)
class Gate:
    """`x * body(x)`; the body's output is broadcast over the axes where it has size 1."""

    body: Sequence
    in_shape: Shape
    out_shape: Shape
    span: Span = field(compare=False, repr=False)

    @classmethod
    def build(cls, body: Sequence, span: Span) -> Gate:
        """A gate on the shape that its body takes; raises `Problem` where the product would change the shape."""
        shape, scale = body.in_shape, body.out_shape
        if len(scale) != len(shape) or any(b not in (a, 1) for a, b in zip(shape, scale, strict=True)):
            one_place = (shape[0], *(1 for _ in shape[1:]))
            hint = f"it must end at {describe(shape)}, or with size 1 on some of the axes"
            if scale == shape[:1]:
                hint = f"end it with `unflatten({describe(one_place)})`"
            raise problems.GATE_MISMATCH.error(span, body=describe(scale), shape=describe(shape), hint=hint)
        return cls(body, shape, shape, span)


@dataclass(frozen=True)
class Tap:
    """Keeps x for a skip connection and passes it on; `number` counts from the input, `kept` is its shape there."""

    number: int
    kept: Shape
    in_shape: Shape
    span: Span = field(compare=False, repr=False)

    @property
    def out_shape(self) -> Shape:
        """The shape that arrives."""
        return self.in_shape


@dataclass(frozen=True)
class Skip:
    """Joins x with what a tap of the other half kept: added, or joined along the channels (`join` add or cat)."""

    number: int
    join: str
    kept: Shape
    in_shape: Shape
    span: Span = field(compare=False, repr=False)

    def on(self, in_shape: Shape) -> Skip:
        """The same skip on another input; raises a located `Problem` where the shapes can not be joined."""
        if self.join == "add" and self.kept != in_shape:
            raise problems.BRANCH_MISMATCH.error(
                self.span,
                kind="skips",
                first=f"{describe(self.kept)} (encoder)",
                second=f"{describe(in_shape)} (decoder)",
                hint="`skips concat` takes any number of channels",
            )
        return replace(self, in_shape=in_shape)

    @property
    def out_shape(self) -> Shape:
        """The shape of the joined tensor."""
        extra = self.kept[0] if self.join == "cat" else 0
        return (self.in_shape[0] + extra, *self.in_shape[1:])


Node = Layer | Sequence | Parallel | Gate | Tap | Skip


@dataclass(frozen=True)
class Network:
    """One half of a model. It may end in two `heads` on the same features, each with its name.

    A VAE's encoder has mean and log-variance, a discriminator that classifies has score and class logits.
    """

    role: str
    body: Sequence
    heads: tuple[tuple[str, Layer], ...] = ()

    @property
    def in_shape(self) -> Shape:
        """The shape that the half takes."""
        return self.body.in_shape

    @property
    def out_shape(self) -> Shape:
        """The shape that the half gives (each head of an encoder with heads)."""
        return self.heads[0][1].out_shape if self.heads else self.body.out_shape

    @property
    def layers(self) -> list[Layer]:
        """Every layer, heads included, in the order in which they run."""
        return [*layers(self.body), *(layer for _, layer in self.heads)]

    @property
    def parameters(self) -> int:
        """Trainable parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Multiply-add operations of one forward pass of one sample."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def interval(self) -> str | None:
        """The values that the half gives, where the last layer that makes any bounds them (`LayerDef.interval`)."""
        last = next((layer for layer in _backwards(self.body) if not (layer and layer.definition.rearranges)), None)
        return last.definition.interval if last else None


@dataclass(frozen=True)
class Model:
    """A compiled description: the half that was described and the half that was derived (or written out, too).

    `init` names the weight initialisation; `latent` is None for an autoencoder without a bottleneck. `policy` is how
    the derived half was mirrored, None where both halves are written out. `condition` is how both are told the class of
    a sample, None where they are not; `unconditioned` is then the model without it, from which the mirror was made and
    whose latent has the values that stand for the class.
    """

    kind: str
    name: str
    source_name: str
    input_shape: Shape
    latent: int | None
    init: str
    source: Network
    derived: Network
    policy: Policy | None
    training: Training
    condition: Condition | None = None
    unconditioned: Model | None = None

    @property
    def mirrored(self) -> bool:
        """Whether the derived half was derived, not written out."""
        return self.policy is not None


# Walking


def _backwards(body: Sequence) -> Iterator[Layer | None]:
    """The layers of a chain from its end; None for what is no layer."""
    for item in reversed(body.items):
        if isinstance(item, Sequence):
            yield from _backwards(item)
        else:
            yield item if isinstance(item, Layer) else None


def layers(node: Node) -> Iterator[Layer]:
    """Every layer of a tree, in the order in which they run."""
    match node:
        case Layer():
            yield node
        case Sequence():
            for item in node.items:
                yield from layers(item)
        case Parallel():
            for branch in node.branches:
                yield from layers(branch)
        case Gate():
            yield from layers(node.body)


def takes_label(node: Node) -> bool:
    """Whether something in a tree is told the class of each sample."""
    return any(layer.definition.takes_label for layer in layers(node))
