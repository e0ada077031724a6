"""The lines of both halves: which belongs to which, in the order of the description."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from math import prod

from dcgan_compiler.ir import Model, Network, Node, Parallel, Sequence, layers
from dcgan_compiler.layers.definition import OPERATOR

_HEADS = "heads"


@dataclass(frozen=True)
class Pair:
    """A line of the described half, and the line of the other half that undoes it; either may be missing."""

    source: Sequence | None
    derived: Sequence | None


def pairs(model: Model) -> list[Pair]:
    """Both halves beside each other, from the input of the described one to its output.

    The derived half is read from its end. Where it was written out as well, nothing undoes anything, and its lines just
    stand beside the others.
    """
    source, derived = _lines(model.source), _lines(model.derived)
    if not model.mirrored:
        return [Pair(one, other) for one, other in zip_longest(source, reversed(derived))]
    found: list[Pair] = []
    for line in derived:
        partner = next((n for n, one in reversed(list(enumerate(source))) if _undoes(line, one)), None)
        if partner is None:
            found.append(Pair(None, line))
            continue
        found += [Pair(one, None) for one in reversed(source[partner + 1 :])]
        found.append(Pair(source[partner], line))
        del source[partner:]
    return [*(Pair(one, None) for one in source), *reversed(found)]


def _undoes(line: Sequence, other: Sequence) -> bool:
    """Whether a line was derived from another: it comes from the same text and ends at the size that the other took.

    The text alone does not tell the lines apart that the compiler adds at the end of a half. Those that it adds at the
    beginning, to append the class, do not undo each other.
    """
    appends = any(layer.definition.takes_label and layer.definition.role == OPERATOR for layer in layers(line))
    same_size = line.out_shape[1:] == other.in_shape[1:]
    feeds_heads = other.name == _HEADS and prod(line.out_shape) == prod(other.in_shape)
    return line.span == other.span and (same_size or feeds_heads) and not appends


def _lines(network: Network) -> list[Sequence]:
    """The lines of a half; the heads of an encoder are one more, in which each is a branch."""
    lines = [_as_line(item) for item in network.body.items]
    if network.heads:
        taken, given, span = network.body.out_shape, network.out_shape, network.heads[0][1].span
        branches = tuple(Sequence((head,), taken, given, span, name=name) for name, head in network.heads)
        join = "sample" if network.role == "encoder" else "both"
        fork = Parallel("copy", join, branches, taken, given, _HEADS, span)
        lines.append(Sequence((fork,), taken, given, span, name=_HEADS))
    return lines


def _as_line(node: Node) -> Sequence:
    return node if isinstance(node, Sequence) else Sequence.build([node], node.in_shape, node.span)


def is_repeat(node: Sequence) -> bool:
    """Whether a sequence is a body several times: only then its parts come from the same text."""
    spans = [item.span if isinstance(item, Sequence) else None for item in node.items]
    return len(spans) > 1 and spans[0] is not None and len(set(spans)) == 1
