"""The mirror: the transpose of a network's dataflow graph, with a law for everything that is not linear.

docs/mirror.md states the laws; this module is the walk that applies them. It knows three things only: operators are
undone in reverse order by their own rule (`LayerDef.mirror`), what stands between two operators keeps its place, and
branches are transposed by exchanging fan-out and join. Before that the network is rewritten so that its transpose is
the half that is wanted: the latent becomes its output, hidden channels are widened, what has no mirror is left out.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import replace
from itertools import islice, takewhile, zip_longest
from typing import NamedTuple

from dcgan_compiler.assembly import Part, Piece, assembled
from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.frames import with_equal_calls
from dcgan_compiler.ir import Arguments, Layer, Node, Parallel, Sequence, Skip, Tap
from dcgan_compiler.layers import VOCABULARY, place
from dcgan_compiler.layers.definition import ACTIVATION, DROPOUT, NORM, Draft
from dcgan_compiler.layers.transposition import pointwise
from dcgan_compiler.policy import SAME, Policy
from dcgan_compiler.rebuild import rebuild
from dcgan_compiler.rewrite import Placed, closing, has_operator, placed_nodes, rewritten

_JOINS = {"concat": "cat", "add": "add"}
_TRANSPOSED = {"copy": "add", "add": "copy", "split": "cat", "cat": "split"}


def mirror(body: Sequence, policy: Policy, latent: int | None = None) -> Sequence:
    """The mirrored network, from `(latent,)`, or from the output shape of `body`, to the input shape of `body`.

    Raises a located `Problem` that names the layer where something can not be mirrored.
    """
    return with_equal_calls(
        transpose(rewritten(body, policy.width, latent), policy, whole_network=True, meets_output=True)
    )


# Transposing


def transpose(body: Sequence, policy: Policy, *, whole_network: bool, meets_output: bool) -> Sequence:
    """The mirror of a body: its operators undone in reverse order, the runs between them in their place.

    At the ends of the whole network what followed the last operator is dropped, and the policy's output stands for what
    preceded the first. What stands at the ends of a branch: see `_ends`. Nothing closes a branch that `meets_output`,
    or the output would act on what an activation has cut off.
    """
    operators, runs = _operators_and_runs(body)
    if not operators:
        piece = Piece((), tuple(_styled(runs[0], policy)), body.out_shape)
        return assembled([piece], body)
    opening, ending = ([], []) if whole_network else _ends(runs[0], runs[-1])
    pieces = []
    for operator, run in reversed(list(zip(operators, [ending, *runs[1:-1]], strict=True))):
        local = _local(policy, operator.path)
        closes_network = meets_output and operator is operators[0]
        after = [] if closes_network else [*operator.closing, *run]
        undone = _undone(operator.node, local, meets_output=closes_network)
        parts = (*_styled(opening, local), *undone, *_styled(after, local))
        pieces.append(Piece(operator.path, parts, operator.node.in_shape))
        opening = []
    pieces = _without_idle_biases(_with_early_layers(_with_room_for_skips(pieces)))
    if whole_network:
        last = pieces[-1]
        output = Part(policy.output, body.span, apart=True)
        pieces.append(Piece(last.path, (output,), last.out_shape))
    return assembled(pieces, body)


class _Operator(NamedTuple):
    """An operator, the lines and macros that it stands in, and the layers that close it, if it is branches."""

    node: Node
    path: tuple[Sequence, ...]
    closing: list[Placed]


Run = list[Placed]


def _ends(first: Run, last: Run) -> tuple[Run, Run]:
    """What opens and what closes the mirror of a branch, from its first and its last run.

    Layers keep their end, so that a pre-activation branch stays one; a gate keeps its tensor, for which its body is
    made.
    """
    layers_of = [[one for one in run if isinstance(one.node, Layer)] for run in (first, last)]
    gates_of = [[one for one in run if not isinstance(one.node, Layer)] for run in (first, last)]
    return [*gates_of[1], *layers_of[0]], [*layers_of[1], *gates_of[0]]


def _operators_and_runs(body: Sequence) -> tuple[list[_Operator], list[Run]]:
    """The operators of a body, and the runs of other nodes before, between and after them."""
    operators: list[_Operator] = []
    runs: list[Run] = [[]]
    placed = list(placed_nodes(body))
    position = 0
    while position < len(placed):
        one = placed[position]
        position += 1
        if not one.is_operator:
            runs[-1].append(one)
            continue
        closes = closing(placed, position - 1)
        operators.append(_Operator(one.node, one.path, closes))
        runs.append([])
        position += len(closes)
    return operators, runs


def _with_room_for_skips(pieces: list[Piece]) -> list[Piece]:
    """After a skip that adds channels, a 1x1 convolution back to the width, where what follows can not take them."""
    fitted = []
    for piece, follower in zip_longest(pieces, pieces[1:]):
        last = piece.parts[-1] if piece.parts else None
        added = last is not None and isinstance(last.what, Skip) and last.what.join == "cat"
        if last and added and follower and not _takes_channels(follower):
            fuse = pointwise(piece.out_shape[0], len(piece.out_shape) - 1)
            piece = replace(piece, parts=(*piece.parts, Part(fuse, last.span, apart=True)))
        fitted.append(piece)
    return fitted


def _takes_channels(piece: Piece) -> bool:
    """Whether a piece begins with an operator that takes any number of channels."""
    first = piece.parts[0].what if piece.parts else None
    return isinstance(first, Draft) and bool(VOCABULARY[first.name].width) and first.arguments.get("groups") == 1


def _local(policy: Policy, path: tuple[Sequence, ...]) -> Policy:
    for frame in path:
        policy = policy.at(frame.name)
    return policy


def _undone(node: Node, policy: Policy, *, meets_output: bool) -> list[Part]:
    """The mirror of one operator, which may be the last before the output."""
    if isinstance(node, Parallel):
        branches = [
            transpose(branch, policy, whole_network=False, meets_output=meets_output) for branch in node.branches
        ]
        fan_out, join = _TRANSPOSED[node.join], _TRANSPOSED[node.fan_out]
        return [Part(Parallel.build(fan_out, join, branches, node.out_shape, node.keyword, node.span), node.span)]
    assert isinstance(node, Layer) and node.definition.mirror is not None
    try:
        return [Part(draft, node.span, node) for draft in node.definition.mirror(node, policy)]
    except Problem as problem:
        raise Problem(problem.located(node.span)) from None


def _styled(run: Items[Placed], policy: Policy) -> list[Part]:
    """What stands between two operators, as the policy wants it in the mirror."""
    parts: list[Part] = []
    norm: tuple[int, Part] | None = None
    for node, path in run:
        role = node.definition.role if isinstance(node, Layer) else None
        frames = _own_frames(path)
        apart = isinstance(node, Tap) or (bool(frames) and frames[0] is path[0])
        part = Part(_kept_in_place(node, policy), node.span, frames=frames, apart=apart)
        if role == NORM and policy.norm != SAME:
            norm = norm or (len(parts), part)
        elif role == ACTIVATION and isinstance(policy.activation, Draft):
            parts.append(replace(part, what=policy.activation))
        elif role != DROPOUT or policy.dropout == "keep":
            parts.append(part)
    first_activation = next(((at, part) for at, part in enumerate(parts) if _is_activation(part)), None)
    place_of_norm = first_activation or norm
    if isinstance(policy.norm, Draft) and place_of_norm:
        at, beside = place_of_norm
        parts.insert(at, replace(beside, what=policy.norm))
    return parts


def _own_frames(path: tuple[Sequence, ...]) -> tuple[Sequence, ...]:
    """The labelled lines and macro calls among some frames that hold no operator: they stay around what they hold."""
    return tuple(frame for frame in path if (frame.labelled or frame.macro) and not has_operator(frame))


def _is_activation(part: Part) -> bool:
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


def _with_early_layers(pieces: list[Piece]) -> list[Piece]:
    """What commutes with a nearest upsampling moves before it, where there are fewer elements.

    Where the upsampling opens a piece, so do they.
    """
    moved: list[Piece] = []
    for piece in pieces:
        at = next((position for position, part in enumerate(piece.parts) if part.spreads), len(piece.parts))
        early = list(takewhile(lambda part: part.commutes, piece.parts[at + 1 :]))
        rest = (*piece.parts[at : at + 1], *piece.parts[at + 1 + len(early) :])
        moved.append(replace(piece, parts=(*piece.parts[:at], *early, *rest)))
    return moved


def _without_idle_biases(pieces: list[Piece]) -> list[Piece]:
    """No bias directly before a normalisation that subtracts the mean."""
    parts = [part for piece in pieces for part in piece.parts]
    unbiased = (
        _unbiased(part) if follower and follower.has("centers") else part
        for part, follower in zip_longest(parts, parts[1:])
    )
    return [replace(piece, parts=tuple(islice(unbiased, len(piece.parts)))) for piece in pieces]


def _unbiased(part: Part) -> Part:
    if not isinstance(part.what, Draft) or not part.what.arguments.get("bias"):
        return part
    return replace(part, what=part.what._replace(arguments={**part.what.arguments, "bias": False}))
