"""Constructor expressions of the generated code as data, with their numbers as holes.

Two uses of a structure that differ in their numbers only are one class with arguments. To find that, an expression
keeps its numbers apart from its form: `form` is equal for equal structures, whatever their numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dcgan_compiler.ir import Layer, Shape, Value

SHAPE = "shape"
"""The role of a whole shape: its channels, and its places."""


@dataclass(frozen=True)
class Hole:
    """A number of the generated code; `role` is the name of the argument that it is given for.

    `is_channels` marks a number of channels or features, which may be the same number as the class's own.
    """

    value: Value
    role: str
    is_channels: bool = False


@dataclass(frozen=True)
class Source:
    """An expression without numbers, as it is: `nn.Parameter(torch.zeros(1))`, or the name of a constant."""

    text: str

    @property
    def form(self) -> Any:
        """What must be equal for two expressions to differ in numbers only."""
        return self.text


@dataclass(frozen=True)
class Construct:
    """`nn.Conv2d(3, 64, kernel_size=4)`, or any other call, inside `wrapper(...)` if there is one.

    `defaults` are torch's values for the keywords that are not given; `flags` are keywords that are no numbers;
    `general` are the keywords to use where constructions of one class do not all give the same; `layer` is the layer
    with weights that this makes.
    """

    name: str
    positional: tuple[Hole | Source, ...] = ()
    keywords: tuple[Hole, ...] = ()
    flags: tuple[str, ...] = ()
    wrapper: str | None = None
    defaults: Mapping[str, Value] = field(default_factory=dict)
    general: tuple[Hole, ...] = ()
    layer: Layer | None = None

    @property
    def form(self) -> Any:
        """What must be equal for two constructions to differ in numbers only."""
        return self.name, len(self.positional), self.flags, self.wrapper


@dataclass(frozen=True)
class Chain:
    """`nn.Sequential(a, b)`, or `nn.ModuleList([a, b])` for modules that forward calls one by one."""

    items: tuple[Expression, ...]
    container: str = "Sequential"

    @property
    def form(self) -> Any:
        """What must be equal for two chains to differ in numbers only."""
        return self.container, tuple(item.form for item in self.items)


@dataclass(frozen=True)
class Attribute:
    """`self.name = expression`, with a comment at the end of the line."""

    name: str
    expression: Expression
    comment: str = ""


@dataclass(frozen=True)
class Slice:
    """`start:stop`, each the sum of some numbers, or left out where there are none."""

    start: tuple[Hole, ...]
    stop: tuple[Hole, ...]


Code = tuple[str | Hole | Slice, ...]


@dataclass(frozen=True)
class Structure:
    """What becomes a class: its attributes, and its forward: steps, each an expression of `{x}`, or whole statements.

    `title` is the class name that it asks for, `summary` says in words or as code what it does, `named` are the numbers
    that the author gave a name. Its forward takes the class of each sample, too, if it `takes_label`.
    """

    title: str
    summary: str
    attributes: tuple[Attribute, ...]
    steps: tuple[Code, ...]
    in_shape: Shape
    out_shape: Shape
    takes_label: bool
    statements: tuple[Code, ...] = ()
    named: tuple[tuple[str, Value], ...] = ()

    @property
    def form(self) -> Any:
        """What must be equal for two structures to share a class."""
        attributes = tuple((attribute.name, attribute.expression.form) for attribute in self.attributes)
        code = tuple(
            tuple(part if isinstance(part, str) else type(part) for part in line)
            for line in self.steps + self.statements
        )
        return self.title, attributes, code, len(self.in_shape), len(self.out_shape)


Expression = Construct | Source | Chain | Structure


def structures(expression: Expression) -> Iterator[Structure]:
    """The structures in an expression, inner ones first."""
    if isinstance(expression, Chain):
        for item in expression.items:
            yield from structures(item)
    elif isinstance(expression, Structure):
        for attribute in expression.attributes:
            yield from structures(attribute.expression)
        yield expression


def literal(value: Value) -> str:
    """A value as Python source; the only way in which a value of a description becomes code."""
    if isinstance(value, tuple):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return json.dumps(value) if isinstance(value, str) else repr(value)
