"""Mirrored macro calls brought to one form, so that they are one class.

The run between two operators is placed after the mirror of the second, inside the macro call that the second stands in,
also where some of the run comes from outside of that call. Then one call of a macro ends in layers that another lacks.
Here the layers that trail some of the mirrored calls of a macro, but not all of them, move out and stand after the
call. They keep the shape, so nothing else changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from os.path import commonprefix

from dcgan_compiler.ir import Gate, Layer, Node, Parallel, Sequence
from dcgan_compiler.layers.definition import OPERATOR


def with_equal_calls(body: Sequence) -> Sequence:
    """The body with one form for all mirrored calls of each macro, inner macros first."""
    inside: dict[str, set[str]] = {}
    for call in _calls(body):
        inside.setdefault(str(call.macro), set()).update(str(inner.macro) for inner in _calls(call))
    for macro in sorted(inside, key=lambda macro: (len(inside[macro]), macro)):
        tails = [[_kind(node) for node in _tail(call)] for call in _calls(body) if call.macro == macro]
        body = _shortened(body, macro, len(commonprefix(tails)))
    return body


def _calls(node: Node) -> Iterator[Sequence]:
    """Every mirrored call of a macro, outer ones first."""
    if isinstance(node, Sequence) and node.macro is not None and node.transposed:
        yield node
    for child in _children(node):
        yield from _calls(child)


def _children(node: Node) -> tuple[Node, ...]:
    match node:
        case Sequence():
            return node.items
        case Parallel():
            return node.branches
        case Gate():
            return (node.body,)
        case _:
            return ()


def _kind(node: Node) -> str:
    return node.name if isinstance(node, Layer) else type(node).__name__


def _tail(sequence: Sequence) -> list[Node]:
    """The nodes at the end of a sequence that stand between operators, out of its lines."""
    tail: list[Node] = []
    for item in reversed(sequence.items):
        if isinstance(item, Sequence) and item.macro is None:
            inner = _tail(item)
            tail = inner + tail
            if len(inner) < len(list(leaves(item))):
                return tail
        elif not _stands_between(item):
            return tail
        else:
            tail = [item, *tail]
    return tail


def _stands_between(node: Node) -> bool:
    if isinstance(node, Layer):
        return node.definition.role != OPERATOR
    return isinstance(node, Gate) or (isinstance(node, Sequence) and not node.transposed)


def leaves(sequence: Sequence) -> Iterator[Node]:
    """The nodes of a sequence, out of its lines; a macro call is one node."""
    for item in sequence.items:
        if isinstance(item, Sequence) and item.macro is None:
            yield from leaves(item)
        else:
            yield item


def _shortened(body: Sequence, macro: str, keep: int) -> Sequence:
    """The body with the mirrored calls of a macro ending after `keep` layers of their tail; the others follow them."""
    items: list[Node] = []
    for item in body.items:
        match item:
            case Sequence() if item.macro == macro and item.transposed:
                moved = _tail(item)[keep:]
                items += [_without(_shortened(item, macro, keep), len(moved)), *moved]
            case Sequence():
                items.append(_shortened(item, macro, keep))
            case Parallel():
                branches = tuple(_shortened(branch, macro, keep) for branch in item.branches)
                items.append(replace(item, branches=branches))
            case Gate():
                items.append(replace(item, body=_shortened(item.body, macro, keep)))
            case _:
                items.append(item)
    return replace(body, items=tuple(items))


def _without(sequence: Sequence, count: int) -> Sequence:
    """The sequence without its last `count` leaves."""
    items = list(sequence.items)
    while count:
        last = items.pop()
        size = len(list(leaves(last))) if isinstance(last, Sequence) and last.macro is None else 1
        if isinstance(last, Sequence) and size > count:
            items.append(_without(last, count))
        count = max(0, count - size)
    return replace(sequence, items=tuple(items))
