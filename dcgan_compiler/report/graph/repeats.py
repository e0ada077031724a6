"""What repeats in a picture, so that a long network stays one that can be looked at.

Items that differ in numbers only have the same skeleton. They can be shown as one, in which such a number reads
`64…224`, from the first to the last.
"""

from __future__ import annotations

import re
from collections.abc import Sequence as Items
from dataclasses import replace
from itertools import groupby

from dcgan_compiler.report.graph.picture import Card, Chain, Chip, Fork, Frame, Item, Row

_MANY_ROWS, _MANY_LAYERS = 24, 160
_BLOCK = "block"
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def shortened(rows: list[Row]) -> list[Row]:
    """The rows, or fewer and smaller ones where they are too many to take in."""
    if sum(_size(card.chain) for row in rows for card in _cards(row) if card) > _MANY_LAYERS:
        rows = _with_each_block_once(rows)
    return rows if len(rows) <= _MANY_ROWS else _with_runs_merged(rows)


# One for several


def skeleton(item: Item) -> object:
    """What is the same for items that differ in numbers only; the ends of two skip connections are not."""
    match item:
        case Chip():
            return _NUMBER.sub("#", item.text), item.skip
        case Fork():
            return item.fan_out, item.join, tuple(tuple(map(skeleton, branch)) for branch in item.branches)
        case Frame():
            return item.caption, item.count, tuple(map(skeleton, item.chain))


def repeated(frames: Items[Item]) -> Item:
    """Frames with the same skeleton as one."""
    first = frames[0]
    assert isinstance(first, Frame)
    merged = _merged(first, frames[-1])
    assert isinstance(merged, Frame)
    return replace(merged, count=len(frames) * first.count)


def _merged(first: Item, last: Item) -> Item:
    """Two items with the same skeleton as one; where their numbers differ, both are given."""
    match first, last:
        case Chip(), Chip():
            return replace(first, text=_range(first.text, last.text))
        case Fork(), Fork():
            branches = tuple(_merged_chain(*both) for both in zip(first.branches, last.branches, strict=True))
            return replace(first, branches=branches)
        case Frame(), Frame():
            return replace(first, chain=_merged_chain(first.chain, last.chain), out_shape=last.out_shape)
    raise AssertionError("items with different skeletons")


def _merged_chain(first: Chain, last: Chain) -> Chain:
    return tuple(_merged(*both) for both in zip(first, last, strict=True))


def _range(first: str, last: str) -> str:
    numbers = iter(_NUMBER.findall(last))

    def both(match: re.Match[str]) -> str:
        other = next(numbers)
        return match[0] if match[0] == other else f"{match[0]}…{other}"

    return _NUMBER.sub(both, first)


# Rows that follow each other


def _with_runs_merged(rows: Items[Row]) -> list[Row]:
    """Rows with those that follow each other and differ in numbers only as one."""
    short: list[Row] = []
    for _, group in groupby(rows, key=lambda row: (_card_skeleton(row.source), _card_skeleton(row.derived))):
        members = list(group)
        first, last = members[0], members[-1]
        if len(members) < 3:
            short += members
            continue
        count = len(members)
        parameters = [
            sum(card.parameters for card in cards if card) for cards in zip(*map(_cards, members), strict=True)
        ]
        source = _merged_card(first.source, last.source, count, parameters[0])
        derived = _merged_card(last.derived, first.derived, count, parameters[1])
        short.append(Row(source, derived))
    return short


def _cards(row: Row) -> tuple[Card | None, Card | None]:
    return row.source, row.derived


def _card_skeleton(card: Card | None) -> object:
    return card and (card.caption, tuple(map(skeleton, card.chain)), card.kept, card.skip)


def _merged_card(first: Card | None, last: Card | None, count: int, parameters: int) -> Card | None:
    """The card of lines that follow each other from `first` to `last`."""
    if first is None or last is None:
        return None
    return Card(
        f"{first.name}…{last.name}" if first.name else "",
        f"{first.caption} ×{count}".strip(),
        _merged_chain(first.chain, last.chain),
        first.in_shape,
        last.out_shape,
        parameters,
    )


# Blocks of the author's


def _size(chain: Chain) -> int:
    """How many layers a chain shows."""
    return sum(map(_item_size, chain))


def _item_size(item: Item) -> int:
    match item:
        case Chip():
            return 1
        case Fork():
            return sum(map(_size, item.branches))
        case Frame():
            return _size(item.chain)


def _with_each_block_once(rows: Items[Row]) -> list[Row]:
    """Rows in which each of the author's blocks, and each mirror of one, is drawn the first time only."""
    source, derived = _Shown(), _Shown()
    return [Row(row.source and source.card(row.source), row.derived and derived.card(row.derived)) for row in rows]


class _Shown:
    """Replaces the frames of blocks that have been shown by chips with their names."""

    def __init__(self) -> None:
        self.forms: set[object] = set()

    def card(self, card: Card) -> Card:
        """The card of the next line."""
        return replace(card, chain=self.chain(card.chain))

    def chain(self, chain: Chain) -> Chain:
        """The next items."""
        return tuple(map(self.item, chain))

    def item(self, item: Item) -> Item:
        """The next item."""
        match item:
            case Chip():
                return item
            case Fork():
                return replace(item, branches=tuple(map(self.chain, item.branches)))
        form = skeleton(replace(item, count=1))
        if item.caption and form in self.forms:
            return Chip(f"{item.title} ({', '.join(map(str, item.out_shape))})", _BLOCK)
        self.forms.add(form)
        return replace(item, chain=self.chain(item.chain))
