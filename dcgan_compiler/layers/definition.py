"""What the vocabulary is made of: `LayerDef`, one row with everything about one layer, and the checks of arguments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import isfinite
from typing import Any, NamedTuple, Protocol

from dcgan_compiler import problems
from dcgan_compiler.ir import Arguments, Layer, Shape, Value, describe

REQUIRED = object()
MAX_COUNT = 2**31 - 1
MAX_DIVISOR = 64


# Arguments


@dataclass(frozen=True)
class Check:
    """A type of argument: what it must be, in words, and how a value becomes one (None when it can not)."""

    expected: str
    convert: Callable[[Any], Value]
    per_axis: bool = False
    words: tuple[str, ...] = ()


def _is_whole(value: Any) -> bool:
    return type(value) is int and abs(value) <= MAX_COUNT


def _number(value: Any) -> float | None:
    """A float also for a whole number: torch.jit.script takes no int in its place."""
    if type(value) is int or (isinstance(value, (float, Fraction)) and isfinite(value)):
        return float(value)
    return None


COUNT = Check("a whole number of at least 1", lambda v: v if _is_whole(v) and v >= 1 else None)
WHOLE = Check("a whole number of at least 0", lambda v: v if _is_whole(v) and v >= 0 else None)
NUMBER = Check("a number", _number)
FLAG = Check("true or false", lambda v: v if type(v) is bool else None)


def between(low: float, high: float) -> Check:
    """A number in a closed range."""

    def convert(value: Value) -> Value:
        number = _number(value)
        return number if number is not None and low <= number <= high else None

    return Check(f"a number from {low} to {high}", convert)


NOT_NEGATIVE = Check("a number of at least 0", lambda v: n if (n := _number(v)) is not None and n >= 0 else None)
POSITIVE = Check("a number above 0", lambda v: n if (n := _number(v)) is not None and n > 0 else None)


def choice(*words: str) -> Check:
    """One of some words."""
    listed = ", ".join(f'"{word}"' for word in words)
    return Check(f"one of {listed}", lambda v: v if v in words and isinstance(v, str) else None, words=words)


def per_axis(check: Check) -> Check:
    """One value for every axis, or a tuple with one for each."""
    return Check(f"{check.expected}, or a tuple with one for each axis", check.convert, per_axis=True)


SHAPE = Check(
    "a shape such as (64, 7, 7)",
    lambda v: v if isinstance(v, tuple) and 2 <= len(v) <= 4 and all(_is_whole(n) and n >= 1 for n in v) else None,
)


def either(first: Check, second: Check) -> Check:
    """One of two types; a tuple is read as the one that is per axis."""

    def convert(value: Value) -> Value:
        converted = first.convert(value)
        return second.convert(value) if converted is None else converted

    return Check(
        f"{first.expected}, or {second.expected}",
        convert,
        per_axis=first.per_axis or second.per_axis,
        words=first.words + second.words,
    )


@dataclass(frozen=True)
class Parameter:
    """One argument of a layer, in the order of torch's constructor."""

    name: str
    check: Check
    default: Any = REQUIRED

    @property
    def required(self) -> bool:
        """Whether the author must give it."""
        return self.default is REQUIRED


# What a layer becomes


class Draft(NamedTuple):
    """A layer that is still to be built: its name in the vocabulary and its arguments."""

    name: str
    arguments: Arguments


@dataclass(frozen=True)
class Constant:
    """A number that stands in the generated code as a text: its name there, where the file defines one."""

    text: str
    value: int


@dataclass(frozen=True)
class Module:
    """The construction of a module: `nn.<name>(*positional, **keywords)`, inside `wrapper(...)` if there is one.

    A name with a dot is a function elsewhere: `torch.zeros`.

    `general` are keywords that say the same and suit any input shape, where `keywords` only read better.
    """

    name: str
    positional: tuple[Value | Constant, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()
    wrapper: str | None = None
    general: tuple[tuple[str, Value], ...] = ()


Statement = tuple[str | tuple[str, Value], ...]


@dataclass(frozen=True)
class Composite:
    """A layer that torch has no module for, as a class of the generated file.

    `parts` are its attributes: modules, or source. `statements` are its forward on `x`, and on `label` if the layer
    takes it: source, and (role, value) pairs for numbers that may differ between the uses of the class.
    """

    title: str
    summary: str
    parts: tuple[tuple[str, Module | str], ...]
    statements: tuple[Statement, ...]


class MirrorChoices(Protocol):
    """The options of a mirror that a layer's own rule depends on."""

    @property
    def upsample(self) -> str:
        """How a strided convolution is undone."""

    @property
    def unpool(self) -> str:
        """How a pool is undone."""

    @property
    def spectral_norm(self) -> str:
        """Whether the parametrizations of the weights are kept."""

    @property
    def tied(self) -> bool:
        """Whether the weights are those of the layers that are undone."""


OPERATOR, NORM, ACTIVATION, DROPOUT, ATTENTION = "operator", "norm", "activation", "dropout", "attention"


def same_shape(in_shape: Shape, arguments: Arguments) -> Shape:
    """The shape rule of what keeps the shape."""
    return in_shape


@dataclass(frozen=True)
class LayerDef:
    """Everything about one layer of the vocabulary.

    `role`: an operator is transposed by the mirror; any other role stands between operators and keeps its tensor.
    `ranks`: how many spatial axes the input may have (0 for features).
    `infer`: output shape from input shape and arguments; raises `Problem`.
    `module`: the torch module, or None where there is none; `expression`: the same as an expression of `{x}`;
    `composite`: the same as a class of the generated file, which comes before the other two.
    `mirror`: the drafts that undo an operator; their last output has the operator's input shape.
    `count`: trainable parameters. `cost`: multiply-adds of one sample.
    `expand`: drafts that stand for the layer where it is written, or None for the layer itself.
    `width`: the argument that sets the output channels, if there is one.
    `weights`: how the layer's weights are initialised: "operator" (convolutions, linear), "norm" (batch norm) or None.
    `pools`: reduces each channel over places.
    `elementwise`: acts on each number alone, so it commutes with nearest-neighbour upsampling.
    `centers`: subtracts a mean per channel, so that a bias before it does nothing.
    `inplace`: torch's module can overwrite its input.
    `interval`: the values that an activation gives, where they are bounded.
    `rearranges`: gives values that arrive, each at most once and none changed.
    `takes_label`: is told the class of each sample.
    `conditional`: the draft that does the same with parameters for each class; the number says how many classes.
    """

    name: str
    role: str
    summary: str
    shape_rule: str
    mirror_rule: str
    parameters: tuple[Parameter, ...] = ()
    ranks: tuple[int, ...] = (0, 1, 2, 3)
    infer: Callable[[Shape, Arguments], Shape] = same_shape
    module: Callable[[Layer], Module] | None = None
    expression: Callable[[Layer], str] | None = None
    composite: Callable[[Layer], Composite | None] = field(default=lambda layer: None)
    mirror: Callable[[Layer, MirrorChoices], Sequence[Draft]] | None = None
    count: Callable[[Layer], int] = field(default=lambda layer: 0)
    cost: Callable[[Layer], int] = field(default=lambda layer: 0)
    expand: Callable[[Shape, Arguments], Sequence[Draft] | None] = field(default=lambda in_shape, arguments: None)
    width: str | None = None
    weights: str | None = None
    pools: bool = False
    elementwise: bool = False
    centers: bool = False
    inplace: bool = False
    interval: str | None = None
    rearranges: bool = False
    takes_label: bool = False
    conditional: Callable[[Layer, int], Draft] | None = None

    def check_rank(self, in_shape: Shape) -> None:
        """Raise `Problem` where the layer does not take a shape of this rank."""
        rank = len(in_shape) - 1
        if rank in self.ranks:
            return
        hint = None
        if self.ranks == (0,):
            hint = "put `flatten` or a global pool before it"
        elif rank == 0:
            hint = "put `unflatten((C, ...))` before it"
        raise problems.WRONG_RANK.error(
            layer=self.name, expected=_in_words(self.ranks), shape=describe(in_shape), hint=hint
        )


_RANKS = ("features (F)", "(C, L)", "(C, H, W)", "(C, D, H, W)")


def _in_words(ranks: tuple[int, ...]) -> str:
    words = [_RANKS[rank] for rank in ranks]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def common_divisors(*counts: int) -> str:
    """The numbers that divide all of some counts, in words."""
    words = [str(n) for n in range(1, min(min(counts), MAX_DIVISOR) + 1) if not any(count % n for count in counts)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def uniform(value: Value) -> Value:
    """A tuple of equal entries as one number, as torch lets one write it."""
    return value[0] if isinstance(value, tuple) and value and len(set(value)) == 1 else value


def keywords(layer: Layer, *names: str) -> tuple[tuple[str, Value], ...]:
    """The named arguments of a layer that differ from their defaults, as torch writes them."""
    defaults = {parameter.name: parameter.default for parameter in layer.definition.parameters}
    values = {name: uniform(layer.arguments[name]) for name in names}
    return tuple((name, value) for name, value in values.items() if value != defaults[name])
