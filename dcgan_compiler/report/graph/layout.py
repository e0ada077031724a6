"""Where everything of a picture stands, in pixels.

The described half flows down on the left, the other one up on the right, so that a card stands beside the one that
undoes it. Between two rows of cards stands the tensor that passes there; the size of its box tells its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence as Items
from dataclasses import dataclass
from math import ceil

from dcgan_compiler.ir import Shape
from dcgan_compiler.report.graph.picture import Card, Half, Picture
from dcgan_compiler.report.graph.sketch import CHARACTER, ChipMark, Mark, Point, Sketch, sketch

MARGIN = 20
KNOT = 46
"""The width of a knot with a word in it."""
_TITLE, _HEADINGS, _LEGEND = 58, 50, 54
_GAP, _PILL, _HEADER = 34, 24, 29
_TENSOR, _CENTRE = 84, 76
_NARROWEST, _STEP, _PADDING = 240, 20, 11


@dataclass(frozen=True)
class Box:
    """A card in its place; `x` and `y` are its upper left corner."""

    card: Card
    x: float
    y: float
    width: float
    height: float
    marks: tuple[Mark, ...]

    @property
    def middle(self) -> float:
        """The height of its centre."""
        return self.y + self.height / 2


Boxes = tuple[Box | None, Box | None]


@dataclass(frozen=True)
class Tensor:
    """What passes between two cards; `x` is that of the flow, `text_x` that of its shape, `box_x` that of its box."""

    shape: Shape
    x: float
    y: float
    text_x: float
    box_x: float


@dataclass(frozen=True)
class Pill:
    """An end of a half; `x` and `y` are its upper left corner."""

    text: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Skip:
    """A tensor that the other half receives too; at the end it is joined with the flow as `join` says, if at all."""

    points: tuple[Point, ...]
    join: str


@dataclass(frozen=True)
class Heading:
    """The title of a half."""

    half: Half
    x: float
    y: float


@dataclass(frozen=True)
class Layout:
    """A picture with everything in its place."""

    width: float
    height: float
    headings: tuple[Heading, ...]
    rows: tuple[Boxes, ...]
    relations: tuple[tuple[Point, Point], ...]
    flows: tuple[tuple[Point, ...], ...]
    tensors: tuple[Tensor, ...]
    skips: tuple[Skip, ...]
    pills: tuple[Pill, ...]
    legend_y: float


def lay_out(picture: Picture) -> Layout:
    """Everything of a picture in its place."""
    return _Page(picture).layout()


class _Page:
    """The measures of one picture, and all that follows from them."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        cards = [(row.source, row.derived) for row in picture.rows]
        sketches = [(_sketched(source, up=False), _sketched(derived, up=True)) for source, derived in cards]
        self.column = max(
            _card_width(*one) for pair in zip(cards, sketches, strict=True) for one in zip(*pair, strict=True)
        )
        self.left = MARGIN + _TENSOR + self.column / 2
        self.centre = MARGIN + _TENSOR + self.column + _CENTRE / 2
        self.right = 2 * self.centre - self.left
        self.start = MARGIN + _TITLE + _HEADINGS
        self.interfaces = self._interfaces(
            [max(map(_card_height, *both)) for both in zip(cards, sketches, strict=True)]
        )
        self.end = self.interfaces[-1] + _GAP / 2 + _PILL / 2
        self.rows = tuple(self._boxes(n, *both) for n, both in enumerate(sketches))

    def _interfaces(self, heights: Items[float]) -> list[float]:
        """The middle of the gap above each row, and of the gap below the last, from the heights of the rows."""
        places: list[float] = [self.start + _PILL + _GAP / 2]
        for height in heights:
            places.append(places[-1] + height + _GAP)
        return places

    def _boxes(self, n: int, source: Sketch | None, derived: Sketch | None) -> Boxes:
        row, middle = self.picture.rows[n], sum(self.interfaces[n : n + 2]) / 2
        return _box(row.source, source, self.left, middle), _box(row.derived, derived, self.right, middle)

    def layout(self) -> Layout:
        """Everything in its place."""
        bottom = self.end + _PILL / 2
        return Layout(
            2 * self.centre,
            bottom + _LEGEND + MARGIN,
            (
                Heading(self.picture.source, self.left, MARGIN + _TITLE),
                Heading(self.picture.derived, self.right, MARGIN + _TITLE),
            ),
            self.rows,
            tuple(self._relations()),
            (*self._source_flow(), *self._derived_flow()),
            tuple(self._tensors()),
            tuple(self._skips()),
            tuple(self._pills()),
            bottom + _LEGEND / 2,
        )

    # Lines

    def _relations(self) -> Iterator[tuple[Point, Point]]:
        for source, derived in self.rows:
            if source and derived and self.picture.mirrored:
                yield (source.x + source.width, source.middle), (derived.x, derived.middle)

    def _source_flow(self) -> Iterator[tuple[Point, ...]]:
        """The arrows from the input down to the score, or to the code between the halves."""
        boxes = [source for source, _ in self.rows if source]
        y: float = self.start + _PILL
        for box in boxes:
            yield (self.left, y), (self.left, box.y)
            y = box.y + box.height
        if self.picture.ends_in_code:
            yield (self.left, y), (self.left, self.end), (self.centre - self._code().width / 2, self.end)
        else:
            yield (self.left, y), (self.left, self.end - _PILL / 2)

    def _derived_flow(self) -> Iterator[tuple[Point, ...]]:
        """The arrows from the code up to the output."""
        path = [(self.centre + self._code().width / 2, self.end), (self.right, self.end)]
        for _, box in reversed(self.rows):
            if box:
                yield *path, (self.right, box.y + box.height)
                path = [(self.right, box.y)]
        yield *path, (self.right, self.start + _PILL)

    def _skips(self) -> Iterator[Skip]:
        """The skip connections: between the flows, or from and to the layer at which they begin and end."""
        starts, ends = dict(self._kept()), list(self._joined())
        for number, end, join in ends:
            start = starts[number]
            middle = self.centre - _CENTRE / 4
            bend = () if start[1] == end[1] else ((middle, start[1]), (middle, end[1]))
            yield Skip((start, *bend, end), join)

    def _kept(self) -> Iterator[tuple[int, Point]]:
        for n, (box, _) in enumerate(self.rows):
            if box is not None:
                yield box.card.kept, (self.left, self.interfaces[n])
                yield from ((chip.skip, (box.x + box.width, y)) for chip, y in _ports(box))

    def _joined(self) -> Iterator[tuple[int, Point, str]]:
        for n, (_, box) in enumerate(self.rows):
            if box is not None:
                yield from ((chip.skip, (box.x, y), "") for chip, y in _ports(box))
                if box.card.skip:
                    yield box.card.skip, (self.right, self.interfaces[n]), box.card.joined

    # What stands on them

    def _tensors(self) -> Iterator[Tensor]:
        """The tensors between the rows, of both halves, with their boxes at the outer edges."""
        source, derived = self.picture.source.in_shape, self.picture.derived.out_shape
        yield self._tensor(source, self.left, self.interfaces[0])
        yield self._tensor(derived, self.right, self.interfaces[0])
        joined = {y for _, (_, y), join in self._joined() if join}
        for row, y in zip(self.picture.rows, self.interfaces[1:], strict=True):
            if row.source:
                yield self._tensor(row.source.out_shape, self.left, y)
            if row.derived:
                yield self._tensor(row.derived.in_shape, self.right, y, KNOT / 2 if y in joined else 0)

    def _tensor(self, shape: Shape, x: float, y: float, room: float = 0) -> Tensor:
        """A tensor, its shape at least `room` away from the flow."""
        outwards = 1 if x > self.centre else -1
        return Tensor(
            shape, x, y, x + outwards * (room + (5 if room else 9)), x + outwards * (self.column + _TENSOR) / 2
        )

    def _pills(self) -> Iterator[Pill]:
        top = self.start + _PILL / 2
        yield _pill("input", self.left, top)
        yield _pill("output", self.right, top)
        yield self._code()
        if not self.picture.ends_in_code:
            yield _pill("score", self.left, self.end)

    def _code(self) -> Pill:
        return _pill(self.picture.code, self.centre, self.end)


def _ports(box: Box) -> Iterator[tuple[ChipMark, float]]:
    """The ends of skip connections inside a card, and their heights."""
    for mark in box.marks:
        if isinstance(mark, ChipMark) and mark.skip:
            yield mark, mark.y + mark.height / 2


def _pill(text: str, x: float, y: float) -> Pill:
    """A pill around a point."""
    width = len(text) * CHARACTER + 2 * _PADDING
    return Pill(text, x - width / 2, y - _PILL / 2, width, _PILL)


def _box(card: Card | None, drawn: Sketch | None, axis: float, middle: float) -> Box | None:
    if card is None or drawn is None:
        return None
    width, height = _card_width(card, drawn), _card_height(card, drawn)
    x, y = axis - width / 2, middle - height / 2
    return Box(card, x, y, width, height, drawn.moved(axis, y + height - drawn.height - _PADDING))


def _sketched(card: Card | None, *, up: bool) -> Sketch | None:
    return None if card is None else sketch(card.chain, up=up)


def _card_width(card: Card | None, drawn: Sketch | None) -> float:
    if card is None or drawn is None:
        return _NARROWEST
    header = len(f"{card.name} {card.caption} {card.parameters:,}") * CHARACTER
    width = max(_NARROWEST, drawn.width + 2 * _PADDING, header + 2 * _PADDING)
    return ceil(width / _STEP) * _STEP


def _card_height(card: Card | None, drawn: Sketch | None) -> float:
    if card is None or drawn is None:
        return 0
    return drawn.height + _PADDING + (_HEADER if has_header(card) else _PADDING)


def has_header(card: Card) -> bool:
    """Whether a card has something to say above its layers."""
    return bool(card.name or card.caption)
