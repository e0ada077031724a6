"""Where the layers of a card stand: marks around a vertical axis at x = 0, from y = 0 down, in pixels.

A half that flows up is laid out like one that flows down, and turned over in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence as Items
from dataclasses import dataclass, replace
from textwrap import wrap

from dcgan_compiler.report.graph.picture import Chain, Chip, Fork, Frame, Item

CHARACTER = 6.6
"""The width of a character of a chip: monospaced, 11 px."""

_LINE, _PADDING, _NARROWEST = 13, 8, 84
_SPACE, _BRANCH_SPACE, _BUS, _KNOT = 7, 12, 11, 13
_CAPTION, _INSET, _BYPASS = 17, 8, 14
_LONGEST_IN_BRANCH, _LONGEST = 17, 44

Point = tuple[float, float]


@dataclass(frozen=True)
class ChipMark:
    """A layer: a box with one or two lines of text; `x` and `y` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    lines: tuple[str, ...]
    role: str
    skip: int = 0


@dataclass(frozen=True)
class FrameMark:
    """A border; `x` and `y` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class CaptionMark:
    """The title of a frame; `x` and `y` are its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    caption: str


@dataclass(frozen=True)
class KnotMark:
    """Where branches part or meet; `x` and `y` are its centre."""

    x: float
    y: float
    kind: str


@dataclass(frozen=True)
class WireMark:
    """A line through some points."""

    points: tuple[Point, ...]


Mark = ChipMark | FrameMark | CaptionMark | KnotMark | WireMark


@dataclass(frozen=True)
class Sketch:
    """Marks and the room that they take: from `-width / 2` to `width / 2`, from 0 to `height`."""

    width: float
    height: float
    marks: tuple[Mark, ...] = ()

    def moved(self, dx: float, dy: float) -> tuple[Mark, ...]:
        """The marks, elsewhere."""
        return tuple(_mapped(mark, dx, lambda y, height: y + dy) for mark in self.marks)

    def turned(self) -> Sketch:
        """Upside down; texts and boxes stay upright."""
        return replace(
            self, marks=tuple(_mapped(mark, 0, lambda y, height: self.height - y - height) for mark in self.marks)
        )


def _mapped(mark: Mark, dx: float, place: Callable[[float, float], float]) -> Mark:
    """A mark with another place for its top, which `place` gives for the top and the height."""
    match mark:
        case WireMark():
            return WireMark(tuple((x + dx, place(y, 0)) for x, y in mark.points))
        case KnotMark():
            return replace(mark, x=mark.x + dx, y=place(mark.y, 0))
        case ChipMark() | FrameMark() | CaptionMark():
            return replace(mark, x=mark.x + dx, y=place(mark.y, mark.height))


def sketch(chain: Chain, *, up: bool) -> Sketch:
    """A chain of layers, flowing down or up."""
    drawn = _chain(chain, _LONGEST, up)
    return drawn.turned() if up else drawn


def _chain(chain: Chain, longest: int, up: bool) -> Sketch:
    """Items below each other, joined by short wires; its chips are equally wide."""
    chips = [item for item in chain if isinstance(item, Chip)]
    broad = max([_NARROWEST, *(_chip_width(_lines(chip.text, longest)) for chip in chips)])
    marks: list[Mark] = []
    y = width = 0.0
    for item in chain:
        if marks:
            marks.append(WireMark(((0, y), (0, y + _SPACE))))
            y += _SPACE
        drawn = _item(item, longest, broad, up)
        marks += drawn.moved(0, y)
        y += drawn.height
        width = max(width, drawn.width)
    return Sketch(width, y, tuple(marks))


def _item(item: Item, longest: int, broad: float, up: bool) -> Sketch:
    match item:
        case Chip():
            lines = _lines(item.text, longest)
            height = _LINE * len(lines) + _PADDING
            return Sketch(broad, height, (ChipMark(-broad / 2, 0, broad, height, lines, item.role, item.skip),))
        case Fork():
            return _fork(item, up)
        case Frame():
            return _frame(item, longest, up)


def _lines(text: str, longest: int) -> tuple[str, ...]:
    """The text of a chip; one that is too long is broken after its name and, as far as needed, after arguments."""
    name, bracket, arguments = text.partition("(")
    if len(text) <= longest or not bracket:
        return (text,)
    return (name, *wrap(f"({arguments}", longest, break_long_words=False, break_on_hyphens=False))


def _chip_width(lines: Items[str]) -> float:
    return max(map(len, lines)) * CHARACTER + 2 * _PADDING


def _frame(frame: Frame, longest: int, up: bool) -> Sketch:
    """A frame; its caption stands at its upper edge, which is where an upward flow ends."""
    inner = _chain(frame.chain, longest, up)
    top = _CAPTION if not up else _INSET
    width = max(inner.width, len(frame.title) * CHARACTER) + 2 * _INSET
    height = inner.height + _CAPTION + _INSET
    wires = (WireMark(((0, 0), (0, top))), WireMark(((0, top + inner.height), (0, height))))
    border = FrameMark(-width / 2, 0, width, height)
    caption_y = height - _CAPTION + 2 if up else 2
    caption = CaptionMark(5 - width / 2, caption_y, len(frame.title) * CHARACTER + 6, _CAPTION - 4, frame.title)
    return Sketch(width, height, (border, *wires, caption, *inner.moved(0, top)))


# Branches


def _fork(fork: Fork, up: bool) -> Sketch:
    """Branches beside each other between two bars, and a knot where they are joined."""
    branches = [_chain(branch, _LONGEST_IN_BRANCH, up) for branch in fork.branches]
    places, width = _places(branches)
    splits = fork.fan_out != "copy"
    bar = _KNOT if splits else _SPACE / 2
    top = bar + _BUS
    tallest = max(branch.height for branch in branches)
    meeting = top + tallest + _BUS
    height = meeting + _KNOT
    marks: list[Mark] = [WireMark(((0, 0), (0, bar))), WireMark(((0, meeting), (0, height)))]
    for branch, x in zip(branches, places, strict=True):
        marks.append(WireMark(_corner((0, bar), (x, top + (tallest - branch.height) / 2))))
        marks += branch.moved(x, top + (tallest - branch.height) / 2)
        end = (x, top + (tallest + branch.height) / 2)
        marks.append(WireMark(tuple(reversed(_corner((0, meeting), end)))))
    knots = [KnotMark(0, bar, fork.fan_out)] if splits else []
    return Sketch(width, height, (*marks, *knots, KnotMark(0, meeting, fork.join)))


def _places(branches: Items[Sketch]) -> tuple[list[float], float]:
    """The axis of each branch, and the width of all; beside one branch, an empty one is a bypass on its right."""
    full = [branch for branch in branches if branch.marks]
    if len(branches) == 2 and len(full) == 1:
        bypass = full[0].width / 2 + _BYPASS
        return [0 if branch.marks else bypass for branch in branches], 2 * bypass + 4
    widths = [max(branch.width, 2 * _BYPASS) for branch in branches]
    width = sum(widths) + _BRANCH_SPACE * (len(branches) - 1)
    places, left = [], -width / 2
    for one in widths:
        places.append(left + one / 2)
        left += one + _BRANCH_SPACE
    return places, width


def _corner(start: Point, end: Point) -> tuple[Point, ...]:
    """From a bar to a branch: along the bar, then along the branch."""
    return (start, end) if start[0] == end[0] else (start, (end[0], start[1]), end)
