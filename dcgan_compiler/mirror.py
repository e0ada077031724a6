"""The mirror: the transpose of a network's dataflow graph, with a law for everything that is not linear.

docs/mirror.md states the laws; this module is the walk that applies them. It knows three things only: operators are
undone in reverse order by their own rule (`LayerDef.mirror`), what stands between two operators keeps its place, and
branches are transposed by exchanging fan-out and join. Before that the network is rewritten so that its transpose is
the half that is wanted: the latent becomes its output, hidden channels are widened, what has no mirror is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence as Items
from dataclasses import dataclass, replace
from itertools import groupby, pairwise, zip_longest
from math import prod
from typing import NamedTuple

from dcgan_compiler import problems
from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.ir import Arguments, Gate, Layer, Node, Parallel, Sequence, Shape, describe, rebuild, rebuilt
from dcgan_compiler.layers import VOCABULARY, place
from dcgan_compiler.layers.definition import ACTIVATION, DROPOUT, NORM, OPERATOR, Draft
from dcgan_compiler.policy import NONE, SAME, Policy
from dcgan_compiler.source import Span

_TRANSPOSED = {"copy": "add", "add": "copy", "split": "cat", "cat": "split"}


def mirror(body: Sequence, policy: Policy, latent: int | None = None) -> Sequence:
    """The mirrored network, from `(latent,)`, or from the output shape of `body`, to the input shape of `body`.

    Raises a located `Problem` that names the layer where something can not be mirrored.
    """
    body = _without_tail(_without_unmirrored(body))
    if latent is not None:
        body = _ending_in_latent(_without_global_pool(body), latent)
    if policy.width != 1:
        body = _scaled(body, policy.width)
    return transpose(body, policy, whole_network=True)


# Rewriting


class _Placed(NamedTuple):
    """A node, and the lines and macros that it stands in, outermost first."""

    node: Node
    path: tuple[Sequence, ...]

    @property
    def is_operator(self) -> bool:
        """Whether the mirror undoes it, rather than keeping it on its tensor."""
        if isinstance(self.node, Layer):
            return self.node.definition.role == OPERATOR
        return not isinstance(self.node, Gate)


def _placed(body: Sequence, path: tuple[Sequence, ...] = ()) -> Iterator[_Placed]:
    """The nodes of a body, out of the lines and macros that they stand in."""
    for item in body.items:
        if isinstance(item, Sequence):
            yield from _placed(item, (*path, item))
        else:
            yield _Placed(item, path)


def _operators(body: Sequence) -> list[Node]:
    return [placed.node for placed in _placed(body) if placed.is_operator]


def _substituted(body: Sequence, target: Node, *replacement: Node) -> Sequence:
    return rebuilt(body, body.in_shape, lambda node, in_shape: replacement if node is target else None)


def _without_unmirrored(body: Sequence) -> Sequence:
    """Leaves out the operators that have no mirror, such as minibatch_stddev."""

    def change(node: Node, in_shape: Shape) -> Items[Node] | None:
        unmirrored = isinstance(node, Layer) and node.definition.role == OPERATOR and not node.definition.mirror
        return () if unmirrored else None

    return rebuilt(body, body.in_shape, change)


def _without_tail(body: Sequence) -> Sequence:
    """Leaves out what follows the last operator that computes, such as the sigmoid of a discriminator."""
    last = next((node for node in reversed(_operators(body)) if not _flattens_one_place(node)), None)
    nodes = [placed.node for placed in _placed(body)]
    after = nodes[nodes.index(last) + 1 :] if last else []
    kept = [node for node in nodes if not any(node is other for other in after) or _flattens_one_place(node)]

    def change(node: Node, in_shape: Shape) -> Items[Node] | None:
        return () if any(node is other for other in after) and not any(node is other for other in kept) else None

    return rebuilt(body, body.in_shape, change) if len(kept) < len(nodes) else body


def _flattens_one_place(node: Node) -> bool:
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
    if follower is None or _flattens_one_place(follower):
        return _substituted(body, pool)
    if not isinstance(follower, Layer) or not follower.definition.width:
        return body
    flat = place(Draft("flatten", {}), pool.in_shape, pool.span)
    if len(pool.out_shape) > 1:
        size = (prod(pool.in_shape), *pool.out_shape[1:])
        flat += place(Draft("unflatten", {"unflattened_size": size}), flat[-1].out_shape, pool.span)
    return _substituted(body, pool, *flat)


def _ending_in_latent(body: Sequence, latent: int) -> Sequence:
    """The last operator gives the latent instead of its own channels; where it can not, a linear layer follows it."""
    last = next((node for node in reversed(_operators(body)) if not _flattens_one_place(node)), None)
    if isinstance(last, Layer) and last.definition.width and prod(last.out_shape[1:]) == 1 and _is_dense(last):
        arguments = {**last.arguments, last.definition.width: latent}
        body = _substituted(body, last, *place(Draft(last.name, arguments), last.in_shape, last.span))
        return with_line(body, Draft("flatten", {}))
    return with_line(body, Draft("flatten", {}), to_latent(latent))


def _is_dense(layer: Layer) -> bool:
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


def _scaled(body: Sequence, factor: int | float) -> Sequence:
    """`_widened`, with a problem that says where the channels come from."""
    try:
        return _widened(body, factor)
    except Problem as problem:
        found = problem.diagnostic
        raise problems.MIRROR_FAILED.error(
            found.span,
            reason=f"with `width {factor}`, {found.message}",
            hint="choose another factor, or leave `width` out",
        ) from None


def _widened(body: Sequence, factor: int | float) -> Sequence:
    """Every operator but the last with its output channels times `factor`."""
    last = next(node for node in reversed(_operators(body)) if not _flattens_one_place(node))

    def change(node: Node, in_shape: Shape) -> Items[Node] | None:
        if not isinstance(node, Layer) or not node.definition.width or node is last:
            return None
        channels = max(1, round(node.out_shape[0] * factor))
        return place(Draft(node.name, {**node.arguments, node.definition.width: channels}), in_shape, node.span)

    return rebuilt(body, body.in_shape, change)


# Transposing


@dataclass(frozen=True)
class _Part:
    """Something of the mirror that is still to be placed, and what it was derived from."""

    what: Draft | Node
    span: Span

    def has(self, attribute: str) -> bool:
        """Whether this is a layer whose definition says so."""
        return isinstance(self.what, Draft) and bool(getattr(VOCABULARY[self.what.name], attribute))

    @property
    def spreads(self) -> bool:
        """Whether this copies each value to several places, which commutes with what acts on each value."""
        return isinstance(self.what, Draft) and (self.what.name, self.what.arguments.get("mode")) == (
            "upsample",
            "nearest",
        )


@dataclass(frozen=True)
class _Piece:
    """The mirror of one operator and the run of layers that follows it; it ends at `out_shape`."""

    path: tuple[Sequence, ...]
    parts: tuple[_Part, ...]
    out_shape: Shape


def transpose(body: Sequence, policy: Policy, *, whole_network: bool = False) -> Sequence:
    """The mirror of a body: its operators undone in reverse order, the runs between them in their place.

    At the ends of the whole network what followed the last operator is dropped, and the policy's output stands for what
    preceded the first. What stands at the ends of a branch: see `_ends`.
    """
    operators, runs = _operators_and_runs(body)
    if not operators:
        nodes = _placed_parts(_styled(runs[0], policy), body.out_shape)
        return replace(body, items=tuple(nodes))
    opening, closing = ([], []) if whole_network else _ends(runs[0], runs[-1])
    pieces = []
    for (node, path), run in reversed(list(zip(operators, [closing, *runs[1:-1]], strict=True))):
        local = _local(policy, path)
        pieces.append(_Piece(path, (*_styled(opening, local), *_undone(node, local), *_styled(run, local)), node.in_shape))
        opening = []
    if whole_network:
        pieces[-1] = replace(pieces[-1], parts=(*pieces[-1].parts, _Part(policy.output, body.span)))
    return _assembled(_without_idle_biases(_with_early_activations(pieces)), body)


def _ends(opening: list[Node], closing: list[Node]) -> tuple[list[Node], list[Node]]:
    """What opens and what closes the mirror of a branch, from what opens and closes the branch.

    Layers keep their end, so that a pre-activation branch stays one; a gate keeps its tensor, for which its body is made.
    """
    layers_of = [[node for node in run if isinstance(node, Layer)] for run in (opening, closing)]
    gates_of = [[node for node in run if not isinstance(node, Layer)] for run in (opening, closing)]
    return [*gates_of[1], *layers_of[0]], [*layers_of[1], *gates_of[0]]


def _operators_and_runs(body: Sequence) -> tuple[list[_Placed], list[list[Node]]]:
    """The operators of a body, and the runs of other nodes before, between and after them."""
    operators: list[_Placed] = []
    runs: list[list[Node]] = [[]]
    for placed in _placed(body):
        if placed.is_operator:
            operators.append(placed)
            runs.append([])
        else:
            runs[-1].append(placed.node)
    return operators, runs


def _local(policy: Policy, path: tuple[Sequence, ...]) -> Policy:
    for frame in path:
        policy = policy.at(frame.name)
    return policy


def _undone(node: Node, policy: Policy) -> list[_Part]:
    """The mirror of one operator."""
    if isinstance(node, Parallel):
        branches = [transpose(branch, policy) for branch in node.branches]
        fan_out, join = _TRANSPOSED[node.join], _TRANSPOSED[node.fan_out]
        return [_Part(Parallel.build(fan_out, join, branches, node.out_shape, node.keyword, node.span), node.span)]
    assert isinstance(node, Layer) and node.definition.mirror is not None
    try:
        return [_Part(draft, node.span) for draft in node.definition.mirror(node, policy)]
    except Problem as problem:
        raise Problem(problem.located(node.span)) from None


def _styled(run: Items[Node], policy: Policy) -> list[_Part]:
    """What stands between two operators, as the policy wants it in the mirror."""
    parts: list[_Part] = []
    norm_at = None
    for node in run:
        role = node.definition.role if isinstance(node, Layer) else None
        part = _Part(_without_parametrization(node, policy), node.span)
        if role == NORM and policy.norm != SAME:
            norm_at = len(parts) if norm_at is None else norm_at
        elif role == ACTIVATION and isinstance(policy.activation, Draft):
            parts.append(replace(part, what=policy.activation))
        elif role != DROPOUT or policy.dropout == "keep":
            parts.append(part)
    first_activation = next((i for i, part in enumerate(parts) if _is_activation(part)), None)
    at = norm_at if first_activation is None else first_activation
    if isinstance(policy.norm, Draft) and at is not None:
        parts.insert(at, _Part(policy.norm, run[0].span))
    return parts


def _is_activation(part: _Part) -> bool:
    return isinstance(part.what, Draft) and VOCABULARY[part.what.name].role == ACTIVATION


def _without_parametrization(node: Node, policy: Policy) -> Draft | Node:
    """A layer as a draft and a gate as it is, without the parametrizations of their weights if the policy drops them."""
    keep = policy.spectral_norm == "keep"
    if isinstance(node, Layer):
        return Draft(node.name, node.arguments if keep else _plain(node.arguments))
    if keep:
        return node
    return rebuild(
        node,
        node.in_shape,
        lambda inner, in_shape: (
            place(Draft(inner.name, _plain(inner.arguments)), in_shape, inner.span) if isinstance(inner, Layer) else None
        ),
    )


def _plain(arguments: Arguments) -> Arguments:
    return {name: False if name in ("spectral_norm", "weight_norm") else value for name, value in arguments.items()}


def _with_early_activations(pieces: list[_Piece]) -> list[_Piece]:
    """Element-wise layers after a nearest upsampling move before it, where there are fewer elements.

    One that would open a piece goes to the end of the piece before.
    """
    moved: list[_Piece] = []
    for piece in pieces:
        parts = list(piece.parts)
        for i, (part, follower) in enumerate(pairwise(piece.parts)):
            if part.spreads and follower.has("elementwise"):
                parts[i], parts[i + 1] = follower, part
        if moved and len(parts) > 1 and parts[0].has("elementwise") and parts[1].spreads:
            moved[-1] = replace(moved[-1], parts=(*moved[-1].parts, parts.pop(0)))
        moved.append(replace(piece, parts=tuple(parts)))
    return moved


def _without_idle_biases(pieces: list[_Piece]) -> list[_Piece]:
    """No bias directly before a normalisation that subtracts the mean."""
    return [replace(piece, parts=tuple(_unbiased(piece.parts))) for piece in pieces]


def _unbiased(parts: Items[_Part]) -> Iterator[_Part]:
    for part, follower in zip_longest(parts, parts[1:]):
        if follower and follower.has("centers") and isinstance(part.what, Draft) and part.what.arguments.get("bias"):
            yield replace(part, what=part.what._replace(arguments={**part.what.arguments, "bias": False}))
        else:
            yield part


# Placing


def _assembled(pieces: list[_Piece], body: Sequence) -> Sequence:
    """The pieces as typed nodes, in the lines and macros of what they mirror.

    Every piece must arrive at the shape that its operator took; this is the proof that the mirror is exact.
    """
    shape = body.out_shape
    placed: list[_Placed] = []
    for piece in pieces:
        nodes = _placed_parts(piece.parts, shape)
        shape = nodes[-1].out_shape if nodes else shape
        if shape != piece.out_shape:
            raise problems.MIRROR_FAILED.error(
                piece.parts[0].span,
                reason=f"the mirror arrives at {describe(shape)} instead of {describe(piece.out_shape)}",
                hint=None,
            )
        placed += [_Placed(node, piece.path) for node in nodes]
    return Sequence.build(_framed(placed, 0), body.out_shape, body.span)


_ADVICE = {
    NORM: "choose another norm with `norm ...`, for this line alone with `at label { norm ... }`",
    ACTIVATION: "choose another activation with `activation ...`, for this line alone with `at label { ... }`",
    DROPOUT: "`dropout drop` leaves it out",
}


def _placed_parts(parts: Items[_Part], shape: Shape) -> list[Node]:
    nodes: list[Node] = []
    for part in parts:
        shape = nodes[-1].out_shape if nodes else shape
        if not isinstance(part.what, Draft):
            nodes.append(part.what)
            continue
        try:
            nodes += place(part.what, shape, part.span)
        except Problem as problem:
            found = problem.diagnostic
            hint = _ADVICE.get(VOCABULARY[part.what.name].role, found.help)
            raise problems.MIRROR_FAILED.error(found.span, reason=found.message, hint=hint) from None
    return nodes


def _framed(placed: list[_Placed], depth: int) -> list[Node]:
    """Nodes grouped again into the sequences that their paths name, from `depth` on."""
    items: list[Node] = []
    for _, group in groupby(placed, key=lambda one: id(one.path[depth]) if len(one.path) > depth else None):
        members = list(group)
        if len(members[0].path) <= depth:
            items += [member.node for member in members]
            continue
        frame = members[0].path[depth]
        inner = _framed(members, depth + 1)
        items.append(
            Sequence(
                tuple(inner),
                inner[0].in_shape,
                inner[-1].out_shape,
                frame.span,
                name=frame.name,
                labelled=frame.labelled,
                macro=frame.macro,
                transposed=not frame.transposed,
                mirrors=frame.name,
            )
        )
    return items
