"""The mirror: the transpose of a network's dataflow graph, with a law for everything that is not linear.

docs/mirror.md states the laws; this module is the walk that applies them. It knows three things only: operators are
undone in reverse order by their own rule (`LayerDef.mirror`), what stands between two operators keeps its place, and
branches are transposed by exchanging fan-out and join. Before that the network is rewritten so that its transpose is
the half that is wanted: the latent becomes its output, hidden channels are widened, what has no mirror is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Items
from dataclasses import dataclass, replace
from itertools import groupby, takewhile, zip_longest
from typing import NamedTuple

from dcgan_compiler import problems
from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.ir import Arguments, Layer, Node, Parallel, Sequence, Shape, Skip, Tap, describe, rebuild
from dcgan_compiler.layers import VOCABULARY, place
from dcgan_compiler.layers.definition import ACTIVATION, DROPOUT, NORM, Draft
from dcgan_compiler.layers.transposition import pointwise
from dcgan_compiler.policy import SAME, Policy
from dcgan_compiler.rewrite import Placed, closing, placed_nodes, rewritten
from dcgan_compiler.source import Span

_JOINS = {"concat": "cat", "add": "add"}
_TRANSPOSED = {"copy": "add", "add": "copy", "split": "cat", "cat": "split"}


def mirror(body: Sequence, policy: Policy, latent: int | None = None) -> Sequence:
    """The mirrored network, from `(latent,)`, or from the output shape of `body`, to the input shape of `body`.

    Raises a located `Problem` that names the layer where something can not be mirrored.
    """
    return transpose(rewritten(body, policy.width, latent), policy, whole_network=True)


# Transposing


@dataclass(frozen=True)
class _Part:
    """Something of the mirror that is still to be placed, and what it was derived from."""

    what: Draft | Node
    span: Span
    undoes: Layer | None = None

    def has(self, attribute: str) -> bool:
        """Whether this is a layer whose definition says so."""
        return isinstance(self.what, Draft) and bool(getattr(VOCABULARY[self.what.name], attribute))

    @property
    def commutes(self) -> bool:
        """Whether this gives the same before as after a copying of each value: it acts on each value, or per channel."""
        return self.has("elementwise") or self.has("centers")

    @property
    def spreads(self) -> bool:
        """Whether this copies each value to several places."""
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
    opening, ending = ([], []) if whole_network else _ends(runs[0], runs[-1])
    pieces = []
    for operator, run in reversed(list(zip(operators, [ending, *runs[1:-1]], strict=True))):
        local = _local(policy, operator.path)
        closes_network = whole_network and operator is operators[0]
        after = run if closes_network else [*operator.closing, *run]
        parts = (*_styled(opening, local), *_undone(operator.node, local), *_styled(after, local))
        pieces.append(_Piece(operator.path, parts, operator.node.in_shape))
        opening = []
    pieces = _without_idle_biases(_with_early_layers(_with_room_for_skips(pieces)))
    if whole_network:
        last = pieces[-1]
        pieces.append(_Piece(last.path[:1], (_Part(policy.output, body.span),), last.out_shape))
    return _assembled(pieces, body)


class _Operator(NamedTuple):
    """An operator, the lines and macros that it stands in, and the layers that close it, if it is branches."""

    node: Node
    path: tuple[Sequence, ...]
    closing: list[Node]


def _ends(first: list[Node], last: list[Node]) -> tuple[list[Node], list[Node]]:
    """What opens and what closes the mirror of a branch, from its first and its last run.

    Layers keep their end, so that a pre-activation branch stays one; a gate keeps its tensor, for which its body is made.
    """
    layers_of = [[node for node in run if isinstance(node, Layer)] for run in (first, last)]
    gates_of = [[node for node in run if not isinstance(node, Layer)] for run in (first, last)]
    return [*gates_of[1], *layers_of[0]], [*layers_of[1], *gates_of[0]]


def _operators_and_runs(body: Sequence) -> tuple[list[_Operator], list[list[Node]]]:
    """The operators of a body, and the runs of other nodes before, between and after them."""
    operators: list[_Operator] = []
    runs: list[list[Node]] = [[]]
    placed = list(placed_nodes(body))
    position = 0
    while position < len(placed):
        one = placed[position]
        position += 1
        if not one.is_operator:
            runs[-1].append(one.node)
            continue
        closes = closing(placed, position - 1)
        operators.append(_Operator(one.node, one.path, closes))
        runs.append([])
        position += len(closes)
    return operators, runs


def _with_room_for_skips(pieces: list[_Piece]) -> list[_Piece]:
    """After a skip that adds channels, a 1x1 convolution back to the width, where what follows can not take them."""
    fitted = []
    for piece, follower in zip_longest(pieces, pieces[1:]):
        last = piece.parts[-1] if piece.parts else None
        added = last is not None and isinstance(last.what, Skip) and last.what.join == "cat"
        if last and added and follower and not _takes_channels(follower):
            fuse = pointwise(piece.out_shape[0], len(piece.out_shape) - 1)
            piece = replace(piece, parts=(*piece.parts, _Part(fuse, last.span)))
        fitted.append(piece)
    return fitted


def _takes_channels(piece: _Piece) -> bool:
    """Whether a piece begins with an operator that takes any number of channels."""
    first = piece.parts[0].what
    return isinstance(first, Draft) and bool(VOCABULARY[first.name].width) and first.arguments.get("groups", 1) == 1


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
        return [_Part(draft, node.span, node) for draft in node.definition.mirror(node, policy)]
    except Problem as problem:
        raise Problem(problem.located(node.span)) from None


def _styled(run: Items[Node], policy: Policy) -> list[_Part]:
    """What stands between two operators, as the policy wants it in the mirror."""
    parts: list[_Part] = []
    norm_at = None
    for node in run:
        role = node.definition.role if isinstance(node, Layer) else None
        part = _Part(_kept_in_place(node, policy), node.span)
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


def _kept_in_place(node: Node, policy: Policy) -> Draft | Node:
    """What stands in a run, in the mirror: a layer as a draft, a gate as it is, a tap as the skip from it.

    Their weights lose their parametrizations if the policy drops them.
    """
    if isinstance(node, Tap):
        return Skip(node.number, _JOINS[policy.skips], node.kept, node.in_shape, node.span)
    keep = policy.spectral_norm == "keep"
    if isinstance(node, Layer):
        return Draft(node.name, node.arguments if keep else _plain(node.arguments))
    if keep:
        return node
    return rebuild(
        node,
        node.in_shape,
        lambda inner, in_shape: (
            place(Draft(inner.name, _plain(inner.arguments)), in_shape, inner.span)
            if isinstance(inner, Layer)
            else None
        ),
    )


def _plain(arguments: Arguments) -> Arguments:
    return {name: False if name in ("spectral_norm", "weight_norm") else value for name, value in arguments.items()}


def _with_early_layers(pieces: list[_Piece]) -> list[_Piece]:
    """What commutes with a nearest upsampling moves before it, where there are fewer elements.

    Layers that would open a piece go to the end of the piece before.
    """
    moved: list[_Piece] = []
    for piece in pieces:
        at = next((position for position, part in enumerate(piece.parts) if part.spreads), len(piece.parts))
        early = list(takewhile(lambda part: part.commutes, piece.parts[at + 1 :]))
        before, rest = piece.parts[:at], (*piece.parts[at : at + 1], *piece.parts[at + 1 + len(early) :])
        if moved and not before:
            moved[-1] = replace(moved[-1], parts=(*moved[-1].parts, *early))
            early = []
        moved.append(replace(piece, parts=(*before, *early, *rest)))
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
    placed: list[Placed] = []
    for piece in pieces:
        nodes = _placed_parts(piece.parts, shape)
        joined = next((node for node in nodes if isinstance(node, Skip)), None)
        shape = nodes[-1].out_shape if nodes else shape
        if (joined.in_shape if joined else shape) != piece.out_shape:
            raise problems.MIRROR_FAILED.error(
                piece.parts[0].span,
                reason=f"the mirror arrives at {describe(shape)} instead of {describe(piece.out_shape)}",
                hint=None,
            )
        placed += [Placed(node, piece.path) for node in nodes]
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
            nodes.append(part.what.on(shape) if isinstance(part.what, Skip) else part.what)
            continue
        try:
            nodes += [replace(layer, undoes=part.undoes) for layer in place(part.what, shape, part.span)]
        except Problem as problem:
            found = problem.diagnostic
            hint = _ADVICE.get(VOCABULARY[part.what.name].role, found.help)
            raise problems.MIRROR_FAILED.error(found.span, reason=found.message, hint=hint) from None
    return nodes


def _framed(placed: list[Placed], depth: int) -> list[Node]:
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
