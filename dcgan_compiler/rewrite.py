"""Networks rewritten before they are mirrored, so that the transpose of what comes out is the half that is wanted.

The latent becomes the last output, hidden channels are widened, what has no mirror is left out; for skip connections
the encoder keeps its tensors. Every rewrite takes a body and returns a body with its shapes inferred anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence as Items
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise, takewhile
from math import prod
from typing import NamedTuple

from dcgan_compiler import problems
from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.frames import leaves
from dcgan_compiler.ir import Layer, Node, Parallel, Sequence, Shape, Tap, describe, layers
from dcgan_compiler.layers import place
from dcgan_compiler.layers.definition import ACTIVATION, NORM, OPERATOR, Draft
from dcgan_compiler.rebuild import rebuilt


def rewritten(body: Sequence, width: int | float, latent: int | None) -> Sequence:
    """The body whose transpose is the mirror: it ends in `latent` features, if there is a latent."""
    body = _without_tail(_without_unmirrored(body, ends_in_code=latent is None))
    if latent is not None:
        body = _ending_in_latent(_without_global_pool(body), latent)
    return body if width == 1 else _widened(body, width)


@contextmanager
def _telling(change: str, hint: str) -> Iterator[None]:
    """Makes a problem say that it arises in the mirror, and by which change."""
    try:
        yield
    except Problem as problem:
        found = problem.diagnostic
        raise problems.MIRROR_FAILED.error(found.span, reason=f"{change}, {found.message}", hint=hint) from None


# Walking


class Placed(NamedTuple):
    """A node, and the lines and macros that it stands in, outermost first."""

    node: Node
    path: tuple[Sequence, ...]

    @property
    def is_operator(self) -> bool:
        """Whether the mirror undoes it, rather than keeping it on its tensor."""
        if isinstance(self.node, Layer):
            return self.node.definition.role == OPERATOR
        return isinstance(self.node, Parallel)


def placed_nodes(body: Sequence, path: tuple[Sequence, ...] = ()) -> Iterator[Placed]:
    """The nodes of a body, out of the lines and macros that they stand in."""
    for item in body.items:
        if isinstance(item, Sequence):
            yield from placed_nodes(item, (*path, item))
        else:
            yield Placed(item, path)


def has_operator(sequence: Sequence) -> bool:
    """Whether a sequence holds something that the mirror undoes."""
    return any(placed.is_operator for placed in placed_nodes(sequence))


def closing(placed: Items[Placed], position: int) -> list[Placed]:
    """The norms and activations that close the branches at a position: directly after them, in the same line."""
    path = list(map(id, placed[position].path))
    if not isinstance(placed[position].node, Parallel):
        return []
    following = takewhile(
        lambda one: list(map(id, one.path)) == path
        and isinstance(one.node, Layer)
        and one.node.definition.role in (NORM, ACTIVATION),
        placed[position + 1 :],
    )
    return list(following)


def _operators(body: Sequence) -> list[Node]:
    return [placed.node for placed in placed_nodes(body) if placed.is_operator]


def _substituted(body: Sequence, target: Node, *replacement: Node) -> Sequence:
    return rebuilt(body, body.in_shape, lambda node, in_shape: replacement if node is target else None)


def _without_unmirrored(body: Sequence, *, ends_in_code: bool) -> Sequence:
    """Leaves out the operators that have no mirror, such as minibatch_stddev.

    A body whose output is the code that the other half takes must keep its shape.
    """

    unmirrored = [layer for layer in layers(body) if _is_unmirrored(layer)]
    if not unmirrored:
        return body
    ids = {id(layer) for layer in unmirrored}
    with _telling(f"without `{unmirrored[0].name}`", "put it directly before the head of the network"):
        kept = rebuilt(body, body.in_shape, lambda node, in_shape: () if id(node) in ids else None)
    if ends_in_code and kept.out_shape != body.out_shape:
        raise problems.NO_MIRROR.error(
            unmirrored[-1].span,
            layer=unmirrored[-1].name,
            reason=f"the mirror would take {describe(kept.out_shape)}, but here ends {describe(body.out_shape)}",
            hint="give the model a `latent`, or put an operator after it that sets the channels",
        )
    return kept


def _is_unmirrored(node: Node) -> bool:
    return isinstance(node, Layer) and node.definition.role == OPERATOR and not node.definition.mirror


def _without_tail(body: Sequence) -> Sequence:
    """Leaves out what follows the last operator that computes, such as the sigmoid of a discriminator."""
    placed = list(placed_nodes(body))
    computes = [one.is_operator and not flattens_one_place(one.node) for one in placed]
    last = max((position for position, computing in enumerate(computes) if computing), default=None)
    if last is None:
        return body
    tail = placed[last + 1 + len(closing(placed, last)) :]
    dropped = {id(one.node) for one in tail if not flattens_one_place(one.node)}
    return rebuilt(body, body.in_shape, lambda node, in_shape: () if id(node) in dropped else None)


def flattens_one_place(node: Node) -> bool:
    """A flatten of a `(C, 1, ...)` map, which moves nothing."""
    return isinstance(node, Layer) and node.name == "flatten" and prod(node.in_shape[1:]) == 1


def _without_global_pool(body: Sequence) -> Sequence:
    """A pool to one place at the head makes way for an operator on the whole map.

    Its own mirror would spread one value over the map; from a linear layer, every place gets a value of its own.
    """
    operators = _operators(body)
    at = max((i for i, node in enumerate(operators) if prod(node.in_shape[1:]) > 1), default=None)
    pool = None if at is None else operators[at]
    if at is None or not isinstance(pool, Layer) or not pool.definition.pools or prod(pool.out_shape[1:]) > 1:
        return body
    follower = next(iter(operators[at + 1 :]), None)
    if follower is None or flattens_one_place(follower):
        return _substituted(body, pool)
    if not isinstance(follower, Layer) or not follower.definition.width:
        return body
    flat = place(Draft("flatten", {}), pool.in_shape, pool.span)
    if len(pool.out_shape) > 1:
        size = (prod(pool.in_shape), *pool.out_shape[1:])
        flat += place(Draft("unflatten", {"unflattened_size": size}), flat[-1].out_shape, pool.span)
    try:
        return _substituted(body, pool, *flat)
    except Problem:  # a gate or a norm after the pool is made for one value of each channel
        return body


def _ending_in_latent(body: Sequence, latent: int) -> Sequence:
    """The last operator gives the latent instead of its own channels; where it can not, a linear layer follows it."""
    last = next((node for node in reversed(_operators(body)) if not flattens_one_place(node)), None)
    if isinstance(last, Layer) and last.definition.width and prod(last.out_shape[1:]) == 1 and is_dense(last):
        if last.out_shape[0] != latent:
            arguments = {**last.arguments, last.definition.width: latent}
            body = _substituted(body, last, *place(Draft(last.name, arguments), last.in_shape, last.span))
        return with_line(body, Draft("flatten", {}))
    return with_line(body, Draft("flatten", {}), to_latent(latent))


def is_dense(layer: Layer) -> bool:
    """Whether every output channel depends on all input channels."""
    return layer.arguments.get("groups", 1) == 1


def to_latent(latent: int) -> Draft:
    """The linear layer from features to the latent."""
    return Draft("linear", {"out_features": latent, "bias": True, "spectral_norm": False, "weight_norm": False})


def with_line(body: Sequence, *drafts: Draft) -> Sequence:
    """The body with one more line of layers; as it is where they stand for none."""
    items: list[Node] = []
    for draft in drafts:
        items += place(draft, items[-1].out_shape if items else body.out_shape, body.span)
    if not items:
        return body
    return Sequence.build((*body.items, Sequence.build(items, body.out_shape, body.span)), body.in_shape, body.span)


def _widened(body: Sequence, factor: int | float) -> Sequence:
    """Every operator with its output channels times `factor`, but those that set the channels of the output."""
    last, _ = _setting_channels(body)

    def change(node: Node, in_shape: Shape) -> Items[Node] | None:
        if not isinstance(node, Layer) or not node.definition.width or id(node) in last:
            return None
        channels = max(1, round(node.out_shape[0] * factor))
        return place(Draft(node.name, {**node.arguments, node.definition.width: channels}), in_shape, node.span)

    with _telling(f"with `width {factor}`", "choose another factor, or leave `width` out"):
        return rebuilt(body, body.in_shape, change)


def _setting_channels(body: Sequence) -> tuple[set[int], bool]:
    """The ids of the layers that set the channels at the end of a body, and whether its own input can reach the end."""
    found: set[int] = set()
    for node in reversed(_operators(body)):
        if isinstance(node, Parallel):
            branches = [_setting_channels(branch) for branch in node.branches]
            found = found.union(*(ids for ids, _ in branches))
            if not any(reaches for _, reaches in branches):
                return found, False
        elif isinstance(node, Layer) and node.definition.width:
            return found | {id(node)}, False
    return found, True


# Skip connections


def tapped(body: Sequence) -> Sequence:
    """The body with a tap at every interface where the resolution changes: before each operator that changes it.

    The mirror joins there what the tap kept. There is none at the input: nothing comes after it in the mirror. A border
    belongs to the operator behind it, so that there is none between the two, nor where the sizes are the same again.
    """
    operators = [node for node in _operators(body) if not _is_unmirrored(node)]
    changing: list[Node] = []
    for before, node, after in zip([None, *operators], operators, [*operators[1:], None], strict=False):
        ends = after if after is not None and _is_border(node) else node
        if (
            not (before is None or _is_border(before))
            and len(node.in_shape) == len(ends.out_shape) > 1
            and node.in_shape[1:] != ends.out_shape[1:]
        ):
            changing.append(node)
    with_taps = _with_taps(body, {id(node): number for number, node in enumerate(changing, start=1)})
    lines = [line for line in with_taps.items if isinstance(line, Sequence)]
    return replace(with_taps, items=tuple(piece for line in lines for piece in _cut_at_taps(line)))


def _cut_at_taps(line: Sequence) -> list[Sequence]:
    """A line as lines of its own before and after each tap in it; the first with weights keeps the label."""
    nodes = list(leaves(line))
    cuts = [position for position, node in enumerate(nodes) if isinstance(node, Tap) and position]
    if not cuts:
        return [line]
    parts = [nodes[start:stop] for start, stop in pairwise([0, *cuts, len(nodes)])]
    weighted = [any(layer.parameters for node in part for layer in layers(node)) for part in parts]
    labelled = weighted.index(True) if any(weighted) else 0
    pieces = [Sequence.build(part, part[0].in_shape, line.span) for part in parts]
    return [
        replace(piece, name=line.name, labelled=line.labelled) if number == labelled else piece
        for number, piece in enumerate(pieces)
    ]


def _is_border(node: Node) -> bool:
    return isinstance(node, Layer) and node.name == "pad"


def _with_taps(body: Sequence, numbers: Mapping[int, int]) -> Sequence:
    """The body with a tap before each node that has a number; a macro with a tap inside is dissolved into its lines."""
    items: list[Node] = []
    for item in body.items:
        opening = _first(item) if not isinstance(item, Sequence) or item.macro else None
        number = numbers.get(id(opening))
        if number is not None:
            items.append(Tap(number, item.in_shape, item.in_shape, item.span))
        if isinstance(item, Sequence):
            inner = _with_taps(item, {key: value for key, value in numbers.items() if value != number})
            dissolved = len(list(placed_nodes(inner))) > len(list(placed_nodes(item)))
            item = replace(inner, macro=None) if dissolved else item
        items.append(item)
    return replace(body, items=tuple(items))


def _first(node: Node) -> Node | None:
    """The node that a node opens with: itself, unless it is a sequence."""
    while isinstance(node, Sequence):
        if not node.items:
            return None
        node = node.items[0]
    return node
