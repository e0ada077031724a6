"""The picture of a model as SVG: ink for what `layout` has put in its place.

The text is the same for the same model, byte for byte. Only generic font families are named, no other file is needed,
and the picture has a ground of its own, dark where the reader prefers that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence as Items
from html import escape
from math import dist, log2

from dcgan_compiler.ir import Shape, describe
from dcgan_compiler.report.graph.layout import (
    KNOT,
    MARGIN,
    Box,
    Heading,
    Layout,
    Pill,
    Skip,
    Tensor,
    has_header,
    lay_out,
)
from dcgan_compiler.report.graph.picture import Picture
from dcgan_compiler.report.graph.sketch import CaptionMark, ChipMark, FrameMark, KnotMark, Mark, Point, WireMark
from dcgan_compiler.report.graph.style import ROLES, style

_LARGEST = 46


def draw(picture: Picture) -> str:
    """The picture as the text of an SVG file."""
    return "\n".join(_Drawing(picture, lay_out(picture)).lines()) + "\n"


class _Drawing:
    """One picture, line by line; what is drawn later lies above."""

    def __init__(self, picture: Picture, layout: Layout) -> None:
        self.picture = picture
        self.layout = layout

    def lines(self) -> Iterator[str]:
        """The lines of the file."""
        width, height = _number(self.layout.width), _number(self.layout.height)
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            'class="dcganc" role="img" aria-labelledby="dcganc-title dcganc-description">'
        )
        yield f'<title id="dcganc-title">{escape(self.picture.name)}</title>'
        yield f'<desc id="dcganc-description">{escape(_description(self.picture))}</desc>'
        yield "<style>"
        yield from style()
        yield "</style>"
        yield _rect(0.5, 0.5, self.layout.width - 1, self.layout.height - 1, "ground", 12)
        yield from self._title()
        for tensor in self.layout.tensors:
            yield from _tensor(tensor)
        yield from (f'<path class="relation" d="{_path(ends)}"/>' for ends in self.layout.relations)
        for flow in self.layout.flows:
            yield from _arrow(flow, "flow")
        for skip in self.layout.skips:
            yield from _skip(skip)
        for box in (box for row in self.layout.rows for box in row if box):
            yield from _card(box)
        for pill in self.layout.pills:
            yield from _pill(pill)
        yield from self._legend()
        yield "</svg>"

    def _title(self) -> Iterator[str]:
        middle = self.layout.width / 2
        yield _text(self.picture.name, middle, MARGIN + 22, "title middle")
        yield _text(_subtitle(self.picture), middle, MARGIN + 41, "soft middle")
        for heading in self.layout.headings:
            yield from _heading(heading)

    def _legend(self) -> Iterator[str]:
        """The colours that occur, and the dotted line, in one row."""
        roles = {mark.role for mark in _marks(self.layout) if isinstance(mark, ChipMark)}
        entries = [(role, text) for role, text in ROLES.items() if role in roles]
        if self.layout.relations:
            entries.append(("relation", "undone by"))
        widths = [34 + 6.2 * len(text) for _, text in entries]
        x, y = (self.layout.width - sum(widths)) / 2, self.layout.legend_y
        for (role, text), width in zip(entries, widths, strict=True):
            if role == "relation":
                yield f'<path class="relation" d="{_path(((x - 3, y), (x + 13, y)))}"/>'
            else:
                yield _rect(x, y - 6, 12, 12, f"chip {role}", 3)
            yield _text(text, x + 18, y + 4, "soft")
            x += width


def _subtitle(picture: Picture) -> str:
    source, derived = picture.source.title.lower(), picture.derived.title.lower()
    how = f"the {derived} mirrors the {source}" if picture.mirrored else "both halves are written out"
    return f"{picture.kind}: {how}"


def _description(picture: Picture) -> str:
    """The picture in words."""
    halves = " and ".join(
        f"the {half.title.lower()} from {describe(half.in_shape)} to {describe(half.out_shape)}"
        for half in (picture.source, picture.derived)
    )
    related = [
        f"{row.derived.name or 'a reshape'} undoes {row.source.name or 'a reshape'}"
        for row in picture.rows
        if picture.mirrored and row.source and row.derived
    ]
    return f"The {picture.kind} {picture.name}: {halves}. {'; '.join(related)}".rstrip() + ("." if related else "")


def _marks(layout: Layout) -> Iterator[Mark]:
    for row in layout.rows:
        for box in row:
            yield from box.marks if box else ()


# Parts


def _heading(heading: Heading) -> Iterator[str]:
    half = heading.half
    numbers = f"{half.size} · {_rounded(half.multiply_adds)} multiply-adds"
    yield _text(half.title, heading.x, heading.y + 12, "heading middle")
    yield _text(numbers, heading.x, heading.y + 30, "soft middle")


def _card(box: Box) -> Iterator[str]:
    card = box.card
    yield _rect(box.x, box.y, box.width, box.height, "card", 9)
    caption = f'<tspan class="soft" dx="7">{escape(card.caption)}</tspan>' if card.caption else ""
    name = f'<tspan class="name">{escape(card.name)}</tspan>' if card.name else ""
    if has_header(card):
        yield f'<text x="{_number(box.x + 11)}" y="{_number(box.y + 17)}">{name}{caption}</text>'
    if card.parameters:
        yield _text(f"{card.parameters:,}", box.x + box.width - 11, box.y + 17, "soft end")
    ordered = sorted(
        box.marks, key=lambda mark: (FrameMark, WireMark, CaptionMark, ChipMark, KnotMark).index(type(mark))
    )
    for mark in ordered:
        yield from _mark(mark)


def _mark(mark: Mark) -> Iterator[str]:
    match mark:
        case FrameMark():
            yield _rect(mark.x, mark.y, mark.width, mark.height, "frame", 6)
        case WireMark():
            yield f'<path class="flow" d="{_path(mark.points)}"/>'
        case CaptionMark():
            yield _rect(mark.x, mark.y, mark.width, mark.height, "behind", 3)
            yield _text(mark.caption, mark.x + 3, mark.y + 10, "caption")
        case ChipMark():
            yield from _chip(mark)
        case KnotMark():
            yield from _knot(mark.x, mark.y, mark.kind)


def _chip(chip: ChipMark) -> Iterator[str]:
    yield _rect(chip.x, chip.y, chip.width, chip.height, f"chip {chip.role}", 5)
    for n, line in enumerate(chip.lines):
        yield _text(line, chip.x + chip.width / 2, chip.y + 14.4 + 13 * n, f"layer {chip.role} middle")


_SIGNS = {"add": "M-4 0H4M0 -4V4", "multiply": "M-3 -3L3 3M-3 3L3 -3"}
_WORDS = {"cat": "concat", "concat": "concat", "split": "split", "sample": "sample", "both": "both"}


def _knot(x: float, y: float, kind: str) -> Iterator[str]:
    """A sign in a circle, or a word in a pill."""
    if kind in _SIGNS:
        sign = f'<circle r="8"/><path d="{_SIGNS[kind]}"/>'
        yield f'<g class="knot" transform="translate({_number(x)} {_number(y)})">{sign}</g>'
        return
    word = _WORDS[kind]
    yield _rect(x - KNOT / 2, y - 8, KNOT, 16, "pill", 8)
    yield _text(word, x, y + 3.6, "word middle")


def _pill(pill: Pill) -> Iterator[str]:
    yield _rect(pill.x, pill.y, pill.width, pill.height, "pill", pill.height / 2)
    yield _text(pill.text, pill.x + pill.width / 2, pill.y + 16, "shape middle")


def _skip(skip: Skip) -> Iterator[str]:
    *before, (x, y) = skip.points
    end = x - (0 if not skip.join else 8 if skip.join in _SIGNS else KNOT / 2)
    yield from _arrow((*before, (end, y)), "flow skip-line")
    if skip.join:
        yield from _knot(x, y, skip.join)


def _tensor(tensor: Tensor) -> Iterator[str]:
    """The shape beside the flow, and a box that is as large as the tensor, on a logarithmic scale."""
    side = 1 if tensor.box_x > tensor.x else -1
    yield f'<path class="leader" d="{_path(((tensor.x, tensor.y), (tensor.box_x, tensor.y)))}"/>'
    yield _text(describe(tensor.shape), tensor.text_x, tensor.y - 5, "shape" if side > 0 else "shape end")
    yield from _cuboid(tensor.shape, tensor.box_x, tensor.y)


def _cuboid(shape: Shape, x: float, y: float) -> Iterator[str]:
    """A map seen from the front, its channels in depth; features as a rod."""
    channels, *places = shape
    depth = 2 + 2.6 * log2(channels) if places else 4
    height = _side(places[-2]) if len(places) > 1 else 6
    width = _side(places[-1]) if places else _side(channels)
    dx, dy = 0.8 * depth, -0.45 * depth
    left, top = x - (width + dx) / 2, y - (height + dy) / 2
    right, bottom = left + width, top + height
    yield _face("front", (left, top), (right, top), (right, bottom), (left, bottom))
    yield _face("top", (left, top), (left + dx, top + dy), (right + dx, top + dy), (right, top))
    yield _face("side", (right, top), (right + dx, top + dy), (right + dx, bottom + dy), (right, bottom))


def _side(size: int) -> float:
    return min(_LARGEST, 5 + 4.4 * log2(size))


def _face(name: str, *corners: Point) -> str:
    points = " ".join(f"{_number(x)},{_number(y)}" for x, y in corners)
    return f'<polygon class="box {name}" points="{points}"/>'


# Strokes


def _arrow(points: Items[Point], classes: str) -> Iterator[str]:
    """A line with an arrowhead that ends at the last point."""
    (x0, y0), (x, y) = points[-2:]
    length = dist((x0, y0), (x, y)) or 1
    ux, uy = (x - x0) / length, (y - y0) / length
    back = (x - 6 * ux, y - 6 * uy)
    yield f'<path class="{classes}" d="{_path((*points[:-1], back))}"/>'
    yield _face("head", (x, y), (back[0] - 3.5 * uy, back[1] + 3.5 * ux), (back[0] + 3.5 * uy, back[1] - 3.5 * ux))


def _path(points: Items[Point], radius: float = 7) -> str:
    """A line through the points with its corners rounded."""
    parts = [f"M{_pair(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        r = min(radius, dist(before, corner) / 2, dist(corner, after) / 2)
        parts += [f"L{_pair(_towards(corner, before, r))}", f"Q{_pair(corner)} {_pair(_towards(corner, after, r))}"]
    return "".join([*parts, f"L{_pair(points[-1])}"])


def _towards(start: Point, end: Point, length: float) -> Point:
    whole = dist(start, end) or 1
    return start[0] + (end[0] - start[0]) * length / whole, start[1] + (end[1] - start[1]) * length / whole


def _rect(x: float, y: float, width: float, height: float, classes: str, radius: float) -> str:
    place = f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'
    return f'<rect class="{classes}" {place} rx="{_number(radius)}"/>'


def _text(text: str, x: float, y: float, classes: str) -> str:
    return f'<text class="{classes}" x="{_number(x)}" y="{_number(y)}">{escape(text)}</text>'


def _pair(point: Point) -> str:
    return f"{_number(point[0])} {_number(point[1])}"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _rounded(count: int) -> str:
    """`104M`."""
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.3g}{unit}"
    return str(count)
