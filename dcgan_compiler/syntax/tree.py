"""The syntax tree: what the author wrote, nothing resolved yet.

Every node is frozen and carries the span it was read from. Spans, comments and the spelling of a number do not take
part in comparisons, so two trees are equal when they say the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from dcgan_compiler.source import Span


@dataclass(frozen=True)
class Node:
    """Anything with a place in the source."""

    span: Span = field(compare=False, repr=False)


# Expressions

MAX_NUMBER = 10**18
"""The largest number that a description may hold, or compute."""


@dataclass(frozen=True)
class Number(Node):
    """A literal number; `spelling` is how the author wrote it (`2e-4`)."""

    value: int | float
    spelling: str = field(compare=False)


@dataclass(frozen=True)
class Boolean(Node):
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True)
class Text(Node):
    """A quoted word, such as the `"same"` of `padding="same"`."""

    value: str


@dataclass(frozen=True)
class Name(Node):
    """A reference to a param, a macro argument, `index` or `in_channels`; in an option also a word or a layer."""

    id: str


@dataclass(frozen=True)
class Tuple(Node):
    """`(a, b, ...)`."""

    items: tuple[Expression, ...]


@dataclass(frozen=True)
class Unary(Node):
    """`-operand`."""

    operand: Expression


@dataclass(frozen=True)
class Binary(Node):
    """`left operator right`; comparisons too."""

    operator: str
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Argument(Node):
    """One argument of a call, positional when `name` is None."""

    name: str | None
    value: Expression


@dataclass(frozen=True)
class Call(Node):
    """`name(arguments)`: a layer, a macro, or one of the functions `min` and `max`."""

    name: str
    arguments: tuple[Argument, ...]
    name_span: Span = field(compare=False, repr=False)


Expression = Number | Boolean | Text | Name | Tuple | Unary | Binary | Call


# Bodies


@dataclass(frozen=True)
class Body(Node):
    """The lines between a pair of braces."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Line(Node):
    """One neural block: a chain of links joined by `->`, with an optional label."""

    label: str | None
    chain: tuple[Link, ...]
    label_span: Span | None = field(compare=False, repr=False)


@dataclass(frozen=True)
class Residual(Node):
    """`residual { body } skip { skip }`; without `skip` the input itself is added."""

    body: Body
    skip: Body | None


@dataclass(frozen=True)
class Branches(Node):
    """`sum { branch { } ... }` or `concat { branch { } ... }`; `kind` is the keyword."""

    kind: str
    branches: tuple[Body, ...]


@dataclass(frozen=True)
class Gate(Node):
    """`gate { body }`."""

    body: Body


@dataclass(frozen=True)
class Repeat(Node):
    """`repeat count { body }`."""

    count: Expression
    body: Body


Link = Call | Residual | Branches | Gate | Repeat


# Statements


@dataclass(frozen=True)
class Param(Node):
    """`param name = value`."""

    name: str
    value: Expression
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Setting(Node):
    """A statement of one word and one value: `input`, `latent`, `init`, `classes`, `condition`."""

    name: str
    value: Expression


@dataclass(frozen=True)
class Default(Node):
    """`default layer(arguments)`."""

    call: Call


@dataclass(frozen=True)
class Macro(Node):
    """`block name(parameters) { body }`; a parameter's `value` is None when it has no default."""

    name: str
    parameters: tuple[MacroParameter, ...]
    body: Body
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class MacroParameter(Node):
    """One parameter of a macro."""

    name: str
    default: Expression | None


@dataclass(frozen=True)
class Section(Node):
    """One half written out: `discriminator { body }`."""

    name: str
    body: Body
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Mirror(Node):
    """One half derived: `generator mirror { options }`."""

    name: str
    options: Options
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class Train(Node):
    """`train { options }`."""

    options: Options


@dataclass(frozen=True)
class Options(Node):
    """The settings between a pair of braces."""

    items: tuple[Option | At, ...]


@dataclass(frozen=True)
class Option(Node):
    """`name value`."""

    name: str
    value: Expression
    name_span: Span = field(compare=False, repr=False)


@dataclass(frozen=True)
class At(Node):
    """`at label { options }`: options for the mirror of one labelled line."""

    label: str
    options: Options
    label_span: Span = field(compare=False, repr=False)


Statement = Param | Setting | Default | Macro | Section | Mirror | Train


@dataclass(frozen=True)
class Comment(Node):
    """`# text`, the hash included."""

    text: str


@dataclass(frozen=True)
class Model(Node):
    """A whole description."""

    kind: str
    name: str
    statements: tuple[Statement, ...]
    comments: tuple[Comment, ...] = field(compare=False)
    kind_span: Span = field(compare=False, repr=False)
    name_span: Span = field(compare=False, repr=False)
