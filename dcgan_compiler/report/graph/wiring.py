"""A picture as nodes and arrows in text, for the programs that place them themselves (Mermaid, Graphviz)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from dcgan_compiler.ir import describe
from dcgan_compiler.report.graph.picture import Card, Chain, Chip, Fork, Frame, Half, Item, Picture

_JOINTS = {"add": "+", "multiply": "×", "cat": "concat", "split": "split", "sample": "sample", "both": "both"}


@dataclass(frozen=True)
class Node:
    """A box with lines of text, or where branches meet (`is_joint`)."""

    id: str
    lines: tuple[str, ...]
    is_joint: bool = False


@dataclass(frozen=True)
class Arrow:
    """From node to node, with the shape that passes where it leads from one line of a half to the next."""

    tail: str
    head: str
    label: str = ""


@dataclass(frozen=True)
class Wired:
    """One half."""

    id: str
    half: Half
    nodes: tuple[Node, ...]
    arrows: tuple[Arrow, ...]


@dataclass(frozen=True)
class Wiring:
    """Both halves, and what leads from one to the other: the code, and skip connections.

    `related` are the nodes that stand for a line, each with the one for the line that undoes it.
    """

    source: Wired
    derived: Wired
    code: tuple[Arrow, ...]
    skips: tuple[Arrow, ...]
    related: tuple[tuple[str, str], ...]


def wire(picture: Picture) -> Wiring:
    """The nodes and arrows of a picture."""
    source, derived = _Half("s"), _Half("d")
    source.end(("input",), describe(picture.source.in_shape))
    left = [source.card(row.source) if row.source else "" for row in picture.rows]
    code: tuple[Arrow, ...] = ()
    if picture.ends_in_code:
        code = (Arrow(source.last, derived.next_id, source.label),)
    else:
        source.end(("score",))
    derived.end((picture.code,), describe(picture.derived.in_shape))
    right = [derived.card(row.derived) if row.derived else "" for row in reversed(picture.rows)]
    derived.end(("output",))
    related = zip(left, reversed(right), strict=True) if picture.mirrored else ()
    skips = [Arrow(source.kept[number], joint) for number, joint in derived.joined.items()]
    return Wiring(
        source.wired(picture.source),
        derived.wired(picture.derived),
        code,
        tuple(skips),
        tuple((one, other) for one, other in related if one and other),
    )


@dataclass
class _Half:
    """Collects one half. `last` is the node that the next arrow leaves, `label` what is written on that arrow."""

    id: str
    nodes: list[Node] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    last: str = ""
    label: str = ""
    kept: dict[int, str] = field(default_factory=dict)
    joined: dict[int, str] = field(default_factory=dict)

    @property
    def next_id(self) -> str:
        """The name of the node that is made next."""
        return f"{self.id}{len(self.nodes)}"

    def end(self, lines: tuple[str, ...], label: str = "") -> None:
        """The input or the output of the half."""
        self._node(lines)
        self.label = label

    def card(self, card: Card) -> str:
        """One line; gives the node that stands for it."""
        if card.kept:
            self.kept[card.kept] = self.last
        title = " ".join(word for word in (card.name, card.caption) if word)
        first = self._chain(card.chain, (title,) if title else ())
        if card.skip:
            self.joined[card.skip] = self._node((card.joined,), is_joint=True)
        self.label = describe(card.out_shape)
        return first

    def wired(self, half: Half) -> Wired:
        """What has been collected."""
        return Wired(self.id, half, tuple(self.nodes), tuple(self.arrows))

    def _chain(self, chain: Chain, title: tuple[str, ...] = ()) -> str:
        """Items in a row, layers that follow each other in one node; gives the first node."""
        first = ""
        for is_layers, group in groupby(_flat(chain), key=lambda item: isinstance(item, Chip)):
            for node in self._run(list(group), title) if is_layers else self._forks(list(group), title):
                first, title = first or node, ()
        return first or self._node(title or ("identity",))

    def _run(self, items: list[Item], title: tuple[str, ...]) -> Iterator[str]:
        chips = [item for item in items if isinstance(item, Chip)]
        node = self._node((*title, *(chip.text for chip in chips)))
        for chip in chips:
            if chip.skip:
                (self.kept if self.id == "s" else self.joined)[chip.skip] = node
        yield node

    def _forks(self, items: list[Item], title: tuple[str, ...]) -> Iterator[str]:
        for item in items:
            assert isinstance(item, Fork)
            opening = (_JOINTS[item.fan_out],) if item.fan_out != "copy" else ()
            if title or opening or not self.last:
                yield self._node((*title, *opening), is_joint=not title)
            start, label, ends = self.last, self.label, []
            for branch in item.branches:
                self.last, self.label = start, label
                if branch:
                    self._chain(branch)
                ends.append((self.last, self.label))
            self.last = ""
            joint = self._node((_JOINTS[item.join],), is_joint=True)
            self.arrows += [Arrow(end, joint, text) for end, text in ends]
            title = ()
            yield joint

    def _node(self, lines: tuple[str, ...], *, is_joint: bool = False) -> str:
        """A node after the last one."""
        node = Node(self.next_id, lines, is_joint)
        self.nodes.append(node)
        if self.last:
            self.arrows.append(Arrow(self.last, node.id, self.label))
        self.last, self.label = node.id, ""
        return node.id


def _flat(chain: Chain) -> Iterator[Item]:
    """Items out of their frames; a part that repeats begins with its title."""
    for item in chain:
        if not isinstance(item, Frame):
            yield item
            continue
        if item.count > 1:
            yield Chip(f"{item.title}:", "")
        yield from _flat(item.chain)
