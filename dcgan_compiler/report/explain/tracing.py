"""Which layers of the derived half came from which layer of the described one.

The mirror keeps the span of what it undoes, so text is matched with text. Where the same text stands for several layers
(a repeat, or calls of a macro), its mirrors come in the opposite order; within branches the same holds anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from math import prod

from dcgan_compiler.ir import Layer, Model, Node, Parallel, Sequence
from dcgan_compiler.report.pairs import Pair
from dcgan_compiler.rewrite import Placed, closing, placed_nodes
from dcgan_compiler.source import Span


class Trace:
    """For each node of the described half: what became of it."""

    def __init__(self, model: Model, lines: Iterable[Pair]) -> None:
        self._mirrors: dict[int, list[Node]] = {}
        source = list(placed_nodes(model.source.body))
        self.before, after = _outside(source)
        self.after = [] if model.source.heads else after
        outside = {id(node) for node in (*self.before, *self.after)}
        inside = [placed for placed in source if id(placed.node) not in outside]
        self._match(inside, list(placed_nodes(model.derived.body)), added=model.source.body.span)
        for pair in lines:
            if pair.source and pair.derived:
                self._match_added(pair.source, pair.derived, model.source.body.span)

    def __getitem__(self, node: Node) -> list[Node]:
        """The nodes that came from a node, in the order in which they run."""
        return self._mirrors.get(id(node), [])

    def _match(self, source: list[Placed], derived: list[Placed], added: Span | None = None) -> None:
        originals: defaultdict[Span, list[Node]] = defaultdict(list)
        for placed in source:
            if placed.node.span != added:
                originals[placed.node.span].append(placed.node)
        for span, places in _by_span(derived).items():
            groups = _groups(places, len(originals[span]))
            for node, mirrors in zip(reversed(originals[span]), groups, strict=False):
                self._mirrors[id(node)] = mirrors
                self._match_branches(node, mirrors)

    def _match_branches(self, node: Node, mirrors: list[Node]) -> None:
        other = next((mirror for mirror in mirrors if isinstance(mirror, Parallel)), None)
        if isinstance(node, Parallel) and other is not None:
            for branch, mirrored in zip(node.branches, other.branches, strict=True):
                self._match(list(placed_nodes(branch)), list(placed_nodes(mirrored)))

    def _match_added(self, source: Sequence, derived: Sequence, span: Span) -> None:
        """Operators that the compiler added to the description; all of them have the span of the body."""
        originals = [placed.node for placed in placed_nodes(source) if placed.node.span == span]
        mirrors = [placed.node for placed in placed_nodes(derived) if placed.node.span == span and placed.is_operator]
        if len(originals) == 1:
            self._mirrors[id(originals[0])] = mirrors
            return
        for node, mirror in zip(reversed(originals), mirrors, strict=False):
            self._mirrors[id(node)] = [mirror]


def _by_span(derived: Iterable[Placed]) -> dict[Span, list[Placed]]:
    found: defaultdict[Span, list[Placed]] = defaultdict(list)
    for placed in derived:
        found[placed.node.span].append(placed)
    return found


def _groups(places: list[Placed], count: int) -> list[list[Node]]:
    """Nodes from one text as what came from each of `count` layers: those that stand in the same line.

    Where a call stands for several layers (a pad and a convolution), those that undo the same one.
    """
    lines = [list(group) for _, group in groupby(places, key=_line)]
    if len(lines) < count:
        lines = [list(group) for line in lines for _, group in groupby(line, key=_undone)]
    return [[placed.node for placed in line] for line in lines]


def _line(placed: Placed) -> int | None:
    return id(placed.path[-1]) if placed.path else None


def _undone(placed: Placed) -> int | None:
    return id(placed.node.undoes) if isinstance(placed.node, Layer) else None


def _outside(source: list[Placed]) -> tuple[list[Node], list[Node]]:
    """What meets the output of the derived half, and what would precede its input: neither has a mirror.

    That is what stands before the first operator or closes its branches, if it has some; and what follows the last
    operator that computes.
    """
    operators = [n for n, placed in enumerate(source) if placed.is_operator and has_mirror(placed.node)]
    if not operators:
        return [placed.node for placed in source], []
    first, last = operators[0], max((n for n in operators if not _moves_nothing(source[n].node)), default=operators[-1])
    after = source[last + 1 + len(closing(source, last)) :]
    return (
        [placed.node for placed in (*source[:first], *_closing_layers(source, first))],
        [placed.node for placed in after if not _moves_nothing(placed.node)],
    )


def _closing_layers(placed: list[Placed], position: int) -> Iterator[Placed]:
    """What closes the branches at a position: behind them, and at the end of each, where it closes its mirror, too."""
    yield from closing(placed, position)
    node = placed[position].node
    for branch in node.branches if isinstance(node, Parallel) else ():
        inner = list(placed_nodes(branch))
        operators = [n for n, one in enumerate(inner) if one.is_operator]
        if operators:
            yield from (one for one in inner[operators[-1] + 1 :] if isinstance(one.node, Layer))
            yield from (one for one in inner[: operators[0]] if not isinstance(one.node, Layer))
            yield from _closing_layers(inner, operators[0])


def has_mirror(node: Node) -> bool:
    """Whether an operator has one; the others are left out."""
    return not isinstance(node, Layer) or node.definition.mirror is not None


def _moves_nothing(node: Node) -> bool:
    """A flatten of a map with one place."""
    return isinstance(node, Layer) and node.name == "flatten" and prod(node.in_shape[1:]) == 1
