"""Structures to classes: equal ones share a class, and what differs between its uses becomes an argument.

The uses of a class are compared number by number. A number that is the same in all of them stays a number; one that
differs is an argument, named by its role; numbers that agree in every use are one argument. The channels that arrive and
leave are arguments always.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from dcgan_compiler.codegen.expression import (
    Chain,
    Code,
    Construct,
    Expression,
    Hole,
    Source,
    Structure,
    literal,
    structures,
)
from dcgan_compiler.codegen.structure import free_name
from dcgan_compiler.ir import Value

Values = tuple[Value, ...]
MIN_COMPREHENSION = 2


@dataclass(frozen=True)
class Argument:
    """An argument of a class: its name and type, and its value in every use, in the order of the uses."""

    name: str
    values: Values
    is_channels: bool

    @property
    def annotation(self) -> str:
        """The type of all its values."""
        return " | ".join(dict.fromkeys(_type(value) for value in self.values))


def _type(value: Value) -> str:
    if isinstance(value, tuple):
        return f"tuple[{', '.join(map(_type, value))}]"
    return "None" if value is None else type(value).__name__


@dataclass(frozen=True)
class ClassDef:
    """A class of the generated file; `uses` are the structures that it stands for."""

    name: str
    uses: tuple[Structure, ...]
    arguments: tuple[Argument, ...]
    attributes: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    statements: tuple[str, ...]
    stored: tuple[str, ...]

    def holes(self, use: Structure) -> list[Hole]:
        """The arguments of one of the uses."""
        number = next(number for number, other in enumerate(self.uses) if other is use)
        return [Hole(argument.values[number], argument.name, argument.is_channels) for argument in self.arguments]


@dataclass
class Library:
    """The classes of a file, inner ones before those that use them."""

    taken: set[str]
    classes: dict[Any, ClassDef] = field(default_factory=dict)

    def add(self, halves: Mapping[str, Iterable[Expression]]) -> None:
        """Make the classes of all structures in some expressions, by the name of the half that they stand in.

        Where a class name is taken, a class of one half alone carries the name of that half.
        """
        groups: dict[Any, list[Structure]] = {}
        found_in: dict[Any, str] = {}
        for half, expressions in halves.items():
            for structure in (one for expression in expressions for one in structures(expression)):
                groups.setdefault(structure.form, []).append(structure)
                found_in.setdefault(structure.form, half)
        for form, uses in sorted(groups.items(), key=lambda group: _height(group[1][0])):
            title = uses[0].title
            name = self._free_name(f"{found_in[form]}{title}" if title in self.taken else title)
            self.classes[form] = _Comparison(self, tuple(uses)).class_def(name)

    def text(self, expression: Expression) -> str:
        """An expression that is used once, as source."""
        return _Comparison(self, ()).expression([expression])

    def _free_name(self, title: str) -> str:
        name = free_name(title, list(self.taken))
        self.taken.add(name)
        return name


def _height(structure: Structure) -> int:
    inner = [one for attribute in structure.attributes for one in structures(attribute.expression)]
    return 1 + max(map(_height, inner), default=0)


@dataclass
class _Comparison:
    """The uses of one class side by side: writes their common source and collects what differs as arguments."""

    library: Library
    uses: tuple[Structure, ...]
    arguments: dict[tuple[str, Values], Argument] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def class_def(self, name: str) -> ClassDef:
        """The class of the uses."""
        self._channel_arguments()
        first = self.uses[0]
        attributes = []
        for number, attribute in enumerate(first.attributes):
            aligned = [use.attributes[number].expression for use in self.uses]
            attributes.append((attribute.name, self.expression(aligned)))
        in_init = set(self.used)
        self.used.clear()
        steps = tuple(map(self._line, zip(*(use.steps for use in self.uses), strict=True)))
        statements = tuple(map(self._line, zip(*(use.statements for use in self.uses), strict=True)))
        in_forward = set(self.used)
        arguments = tuple(a for a in self.arguments.values() if a.name in in_init | in_forward)
        stored = tuple(argument.name for argument in arguments if argument.name in in_forward)
        return ClassDef(name, self.uses, arguments, tuple(attributes), steps, statements, stored)

    def _channel_arguments(self) -> None:
        """The channels that arrive and leave: one argument where they are always equal."""
        word = "features" if len(self.uses[0].in_shape) == 1 else "channels"
        arriving = tuple(use.in_shape[0] for use in self.uses)
        leaving = tuple(use.out_shape[0] for use in self.uses)
        if arriving == leaving:
            self._argument(word, arriving, is_channels=True)
        else:
            self._argument(f"in_{word}", arriving, is_channels=True)
            self._argument(f"out_{word}", leaving, is_channels=True)

    # Source

    def expression(self, aligned: Sequence[Expression]) -> str:
        """The common source of aligned expressions."""
        first = aligned[0]
        if isinstance(first, Chain):
            return self._chain([one for one in aligned if isinstance(one, Chain)])
        if isinstance(first, Source):
            return first.text
        name, positional, keywords, extra = self._call(aligned)
        arguments = [*positional, *(f"{key}={value}" for key, value in keywords), *extra]
        text = f"{name}({', '.join(arguments)})"
        wrapper = first.wrapper if isinstance(first, Construct) else None
        return f"{wrapper}({text})" if wrapper else text

    def _call(self, aligned: Sequence[Expression]) -> tuple[str, list[str], list[tuple[str, str]], tuple[str, ...]]:
        """Name, positional arguments, keywords and flags of aligned constructions."""
        first = aligned[0]
        if isinstance(first, Construct):
            constructs = [one for one in aligned if isinstance(one, Construct)]
            positional = [self._number(column) for column in zip(*(one.positional for one in constructs), strict=True)]
            keywords = [(column[0].role, self._number(column)) for column in _keywords(constructs)]
            return first.name, positional, keywords, first.flags
        assert isinstance(first, Structure)
        made = self.library.classes[first.form]
        rows = [made.holes(one) for one in aligned if isinstance(one, Structure)]
        texts = [(column[0], self._number(column)) for column in zip(*rows, strict=True)]
        positional = [text for hole, text in texts if hole.is_channels]
        return made.name, positional, [(hole.role, text) for hole, text in texts if not hole.is_channels], ()

    def _chain(self, aligned: Sequence[Chain]) -> str:
        """`nn.Sequential(...)`, with a run of equal constructions as a comprehension."""
        columns = list(zip(*(chain.items for chain in aligned), strict=True))
        texts: list[str] = []
        for _, group in groupby(columns, key=lambda column: column[0].form):
            texts += self._run(list(group))
        return f"nn.Sequential({', '.join(texts)},)"

    def _run(self, columns: list[tuple[Expression, ...]]) -> Iterator[str]:
        """Items of one form: single ones as they are, several equal classes in a row as one comprehension."""
        texts = [self.expression(column) for column in columns]
        if not isinstance(columns[0][0], Structure):
            yield from texts
            return
        for text, group in groupby(texts):
            count = len(list(group))
            if count < MIN_COMPREHENSION:
                yield text
            else:
                yield f"*({text} for _ in range({count}))"

    def _line(self, aligned: Sequence[Code]) -> str:
        """A line of forward; an argument that it needs is an attribute of the object."""
        parts = []
        for column in zip(*aligned, strict=True):
            if isinstance(column[0], str):
                parts.append(column[0])
                continue
            text = self._number([part for part in column if isinstance(part, Hole)])
            parts.append(f"self.{text}" if text in self.used else text)
        return "".join(parts)

    # Numbers

    def _number(self, column: Sequence[Hole]) -> str:
        """A number that is the same in all uses, or the argument that it is."""
        values = tuple(hole.value for hole in column)
        first = column[0]
        if first.is_channels:
            known = next((a for a in self.arguments.values() if a.is_channels and a.values == values), None)
            if known is not None:
                self.used.add(known.name)
                return known.name
        if all(value == first.value and type(value) is type(first.value) for value in values):
            return literal(first.value)
        role = "hidden_channels" if first.is_channels else first.role
        argument = self._argument(role, values, is_channels=first.is_channels)
        self.used.add(argument.name)
        return argument.name

    def _argument(self, role: str, values: Values, *, is_channels: bool) -> Argument:
        """The argument of a role with these values, which is added if there is none yet."""
        if (role, values) not in self.arguments:
            name = free_name(role, [argument.name for argument in self.arguments.values()])
            self.arguments[role, values] = Argument(name, values, is_channels)
        return self.arguments[role, values]


def _keywords(constructs: Sequence[Construct]) -> list[tuple[Hole, ...]]:
    """The keywords that any of the constructions gives, with torch's default where one does not."""
    differ = len({tuple(hole.role for hole in one.keywords) for one in constructs}) > 1
    if differ and all(one.general for one in constructs):
        return list(zip(*(one.general for one in constructs), strict=True))
    holes = {hole.role: hole for one in constructs for hole in one.keywords}
    columns = []
    for role, example in holes.items():
        given = ({hole.role: hole for hole in one.keywords} for one in constructs)
        columns.append(
            tuple(
                written[role] if role in written else Hole(one.defaults[role], role, example.is_channels)
                for one, written in zip(constructs, given, strict=True)
            )
        )
    return columns
