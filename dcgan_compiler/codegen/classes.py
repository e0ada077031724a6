"""Structures to classes: equal ones share a class, and what differs between its uses becomes an argument.

The uses of a class are compared number by number. A number that is the same in all of them stays a number; one that
differs is an argument, with the name that the author gave it or that of its role, or an expression of another argument
where that holds in every use. The channels that arrive and leave are arguments always.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

from dcgan_compiler.codegen.arguments import Argument, Values, follows
from dcgan_compiler.codegen.expression import (
    SHAPE,
    Chain,
    Code,
    Construct,
    Expression,
    Hole,
    Slice,
    Source,
    Structure,
    literal,
    structures,
)
from dcgan_compiler.codegen.names import free_name

MIN_COMPREHENSION = 2
MIN_RANGE = 3


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

    @cached_property
    def _numbers(self) -> dict[int, int]:
        """The position of each use, by its identity."""
        return {id(use): number for number, use in enumerate(self.uses)}

    def holes(self, use: Structure) -> list[Hole]:
        """The arguments of one of the uses."""
        number = self._numbers[id(use)]
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
        for form, uses in groups.items():
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
        used = [argument for argument in self.arguments.values() if argument.name in in_init | in_forward]
        arguments = sorted(used, key=lambda argument: not argument.is_channels)
        stored = tuple(argument.name for argument in arguments if argument.name in in_forward)
        return ClassDef(name, self.uses, tuple(arguments), tuple(attributes), steps, statements, stored)

    def _channel_arguments(self) -> None:
        """The channels that arrive and leave: one argument where they are always equal."""
        word = "features" if len(self.uses[0].in_shape) == 1 else "channels"
        arriving = tuple(use.in_shape[0] for use in self.uses)
        leaving = tuple(use.out_shape[0] for use in self.uses)
        if arriving == leaving:
            self._argument(word, arriving, word, is_channels=True)
        else:
            self._argument(f"in_{word}", arriving, f"in_{word}", is_channels=True)
            self._argument(f"out_{word}", leaving, f"out_{word}", is_channels=True)

    # Source

    def expression(self, aligned: Sequence[Expression]) -> str:
        """The common source of aligned expressions."""
        first = aligned[0]
        if isinstance(first, Chain):
            return self._chain([one for one in aligned if isinstance(one, Chain)])
        if isinstance(first, Source):
            return first.text
        if isinstance(first, Structure):
            return self._use([one for one in aligned if isinstance(one, Structure)])
        constructs = [one for one in aligned if isinstance(one, Construct)]
        positional = [self._positional(column) for column in zip(*(one.positional for one in constructs), strict=True)]
        keywords = [f"{column[0].role}={self._number(column)}" for column in _keywords(constructs)]
        text = f"{first.name}({', '.join([*positional, *keywords, *first.flags])})"
        return f"{first.wrapper}({text})" if first.wrapper else text

    def _positional(self, column: Sequence[Hole | Source]) -> str:
        """A positional argument: a text that is the same in all uses, or a number."""
        first = column[0]
        return (
            first.text if isinstance(first, Source) else self._number([one for one in column if isinstance(one, Hole)])
        )

    def _use(self, aligned: Sequence[Structure], names: Mapping[str, str] | None = None) -> str:
        """The construction of a class of this file; `names` replace the values of some arguments."""
        made = self.library.classes[aligned[0].form]
        columns = zip(*(made.holes(one) for one in aligned), strict=True)
        written = [(column[0], (names or {}).get(column[0].role) or self._number(column)) for column in columns]
        arguments = [text if hole.is_channels else f"{hole.role}={text}" for hole, text in written]
        return f"{made.name}({', '.join(arguments)})"

    def _chain(self, aligned: Sequence[Chain]) -> str:
        """A container of modules, with a run of equal constructions as a comprehension."""
        columns = list(zip(*(chain.items for chain in aligned), strict=True))
        texts: list[str] = []
        for _, group in groupby(columns, key=lambda column: column[0].form):
            texts += self._run(list(group))
        if aligned[0].container == "Sequential":
            return f"nn.Sequential(\n{_lines(texts)}\n)"
        if len(texts) == 1 and texts[0].startswith("*"):
            return f"nn.ModuleList({texts[0][2:-1]})"
        return f"nn.ModuleList([{', '.join(texts)}])"

    def _run(self, columns: list[tuple[Expression, ...]]) -> Iterator[str]:
        """Items of one form: single ones as they are, several equal classes in a row as one comprehension."""
        texts = [self.expression(column) for column in columns]
        if not isinstance(columns[0][0], Structure):
            yield from texts
            return
        counted = self._counted(columns) if len(set(texts)) > 1 else None
        if counted:
            yield counted
            return
        for text, group in groupby(texts):
            count = len(list(group))
            if count < MIN_COMPREHENSION:
                yield text
            else:
                yield f"*({text} for _ in range({count}))"

    def _counted(self, columns: list[tuple[Expression, ...]]) -> str | None:
        """A comprehension over a range, where one argument counts in equal steps and the others stay."""
        uses = [column[0] for column in columns if isinstance(column[0], Structure)]
        if len(uses) < MIN_RANGE or len(columns[0]) > 1:
            return None
        rows = [self.library.classes[use.form].holes(use) for use in uses]
        moving = [number for number, holes in enumerate(zip(*rows, strict=True)) if len(set(holes)) > 1]
        if len(moving) != 1:
            return None
        name = rows[0][moving[0]].role
        values = [value for row in rows if type(value := row[moving[0]].value) is int]
        steps = {b - a for a, b in pairwise(values)}
        if len(values) < len(rows) or len(steps) != 1:
            return None
        step = steps.pop()
        return f"*({self._use(uses[:1], {name: name})} for {name} in range({values[0]}, {values[-1] + step}, {step}))"

    def _line(self, aligned: Sequence[Code]) -> str:
        """A line of forward; an argument that it needs is an attribute of the object."""
        return "".join(map(self._part, zip(*aligned, strict=True)))

    def _part(self, column: Sequence[str | Hole | Slice]) -> str:
        first = column[0]
        if isinstance(first, str):
            return first
        if isinstance(first, Hole):
            return self._stored([part for part in column if isinstance(part, Hole)])
        slices = [part for part in column if isinstance(part, Slice)]
        start, stop = self._sum([one.start for one in slices]), self._sum([one.stop for one in slices])
        return f"{start}:{stop}" if (start + stop).isdigit() else f"{start} : {stop}".strip()

    def _sum(self, rows: Sequence[Sequence[Hole]]) -> str:
        """The sum of some numbers, or nothing where there are none."""
        terms = [self._stored(numbers) for numbers in zip(*rows, strict=True)]
        names = Counter(term for term in terms if not term.isdigit())
        constant = sum(int(term) for term in terms if term.isdigit())
        products = [name if count == 1 else f"{count} * {name}" for name, count in names.items()]
        return " + ".join([*products, *([str(constant)] if constant else [])])

    def _stored(self, column: Sequence[Hole]) -> str:
        text = self._number(column, derive=False)
        return f"self.{text}" if text in self.used else text

    # Numbers

    def _number(self, column: Sequence[Hole], *, derive: bool = True) -> str:
        """A number that is the same in all uses, an expression of other arguments, or an argument of its own."""
        values = tuple(hole.value for hole in column)
        first = column[0]
        if first.is_channels:
            known = next((a for a in self.arguments.values() if a.is_channels and a.values == values), None)
            if known is not None:
                self.used.add(known.name)
                return known.name
        if first.role == SHAPE and (shape := self._shape(values)):
            return shape
        if all(value == first.value and type(value) is type(first.value) for value in values):
            return literal(first.value)
        derived = self._derived(first, values) if derive else None
        if derived is not None:
            return derived
        name = self._authors_name(values) or ("hidden_channels" if first.is_channels else first.role)
        argument = self._argument(name, values, first.role, is_channels=first.is_channels)
        self.used.add(argument.name)
        return argument.name

    def _derived(self, hole: Hole, values: Values) -> str | None:
        """A number as an expression of another argument, where that holds for more than one value of the argument."""
        for argument in self.arguments.values():
            text = follows(argument, hole, values)
            if text is not None and len(set(argument.values)) > 1:
                self.used.add(argument.name)
                return text
        return None

    def _authors_name(self, values: Values) -> str | None:
        """The name of the macro's argument that has these values, if there is one."""
        for name, _ in self.uses[0].named:
            same = all(dict(use.named).get(name) == value for use, value in zip(self.uses, values, strict=True))
            if same and name not in _TAKEN_NAMES:
                return name
        return None

    def _shape(self, values: Values) -> str | None:
        """A shape by its channels, where its places are the same in all uses."""
        shapes = [value for value in values if isinstance(value, tuple)]
        places = {shape[1:] for shape in shapes}
        if len(places) > 1:
            return None
        channels = self._number([Hole(shape[0], "channels", True) for shape in shapes])
        return f"({', '.join([channels, *map(literal, places.pop())])})"

    def _argument(self, wanted: str, values: Values, role: str, *, is_channels: bool) -> Argument:
        """The argument of a name and a role with these values, which is added if there is none yet."""
        if (wanted, values) not in self.arguments:
            attributes = [attribute.name for use in self.uses[:1] for attribute in use.attributes]
            name = free_name(wanted, [*(argument.name for argument in self.arguments.values()), *attributes])
            self.arguments[wanted, values] = Argument(name, values, is_channels, role)
        return self.arguments[wanted, values]


def _lines(arguments: Sequence[str]) -> str:
    """Arguments one below the other, as black lays out those that end in a comma."""
    return textwrap.indent(",\n".join([*arguments, ""]), "    ").rstrip()


_TAKEN_NAMES = frozenset(("self", "super", "x", "torch", "nn", "parametrize", "spectral_norm", "weight_norm", "range"))


_ORDER = ("kernel_size", "stride", "padding", "output_padding", "dilation", "groups", "bias", "padding_mode")
_KEYWORDS = {name: position for position, name in enumerate(_ORDER)}


def _keywords(constructs: Sequence[Construct]) -> list[tuple[Hole, ...]]:
    """The keywords that any of the constructions gives, with torch's default where one does not."""
    differ = len({tuple(hole.role for hole in one.keywords) for one in constructs}) > 1
    if differ and all(one.general for one in constructs):
        return list(zip(*(one.general for one in constructs), strict=True))
    holes = {hole.role: hole for one in constructs for hole in one.keywords}
    holes = dict(sorted(holes.items(), key=lambda item: _KEYWORDS.get(item[0], len(_KEYWORDS))))
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
