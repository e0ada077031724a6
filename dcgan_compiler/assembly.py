"""The parts of a mirror as typed nodes, in the lines and macro calls of what they mirror."""

from __future__ import annotations

from collections.abc import Iterator, Sequence as Items
from dataclasses import dataclass, replace
from itertools import groupby

from dcgan_compiler import problems
from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.ir import Layer, Node, Sequence, Shape, Skip, describe
from dcgan_compiler.layers import VOCABULARY, place
from dcgan_compiler.layers.definition import ACTIVATION, DROPOUT, NORM, Draft
from dcgan_compiler.rewrite import Placed, has_operator
from dcgan_compiler.source import Span


@dataclass(frozen=True)
class Part:
    """Something of the mirror that is still to be placed, and what it was derived from.

    `frames` are the labelled lines and macro calls of its own that it stands in, beyond those of its piece; `apart`
    says that it stands in the line of the piece, outside of any macro call.
    """

    what: Draft | Node
    span: Span
    undoes: Layer | None = None
    frames: tuple[Sequence, ...] = ()
    apart: bool = False

    def path(self, piece: tuple[Sequence, ...]) -> tuple[Sequence, ...]:
        """The lines and macro calls that this stands in, given those of its piece."""
        if self.frames and self.frames[0].labelled and self.apart:
            return self.frames
        return (piece[:1] if self.apart else piece) + self.frames

    def has(self, attribute: str) -> bool:
        """Whether this is a layer whose definition says so."""
        return isinstance(self.what, Draft) and bool(getattr(VOCABULARY[self.what.name], attribute))

    @property
    def commutes(self) -> bool:
        """Whether this gives the same before and after values are copied: it acts on each value, or per channel."""
        return self.has("elementwise") or self.has("centers")

    @property
    def spreads(self) -> bool:
        """Whether this copies each value to several places."""
        return isinstance(self.what, Draft) and (self.what.name, self.what.arguments.get("mode")) == (
            "upsample",
            "nearest",
        )


@dataclass(frozen=True)
class Piece:
    """The mirror of one operator and the run of layers that follows it; it ends at `out_shape`."""

    path: tuple[Sequence, ...]
    parts: tuple[Part, ...]
    out_shape: Shape


def assembled(pieces: list[Piece], body: Sequence) -> Sequence:
    """The pieces as typed nodes, in the lines and macros of what they mirror.

    Every piece must arrive at the shape that its operator took; this is the proof that the mirror is exact.
    """
    shape = body.out_shape
    placed: list[Placed] = []
    for piece in pieces:
        inside = [Placed(node, part.path(piece.path)) for part, node in _placed_parts(piece.parts, shape)]
        joined = next((one.node for one in inside if isinstance(one.node, Skip)), None)
        shape = inside[-1].node.out_shape if inside else shape
        if (joined.in_shape if joined else shape) != piece.out_shape:
            raise problems.MIRROR_FAILED.error(
                piece.parts[0].span,
                reason=f"the mirror arrives at {describe(shape)} instead of {describe(piece.out_shape)}",
                hint=None,
            )
        placed += inside
    return Sequence.build(_framed(placed, 0), body.out_shape, body.span)


_ADVICE = {
    NORM: "choose another norm with `norm ...`, for this line alone with `at label { norm ... }`",
    ACTIVATION: "choose another activation with `activation ...`, for this line alone with `at label { ... }`",
    DROPOUT: "`dropout drop` leaves it out",
}


def _placed_parts(parts: Items[Part], shape: Shape) -> Iterator[tuple[Part, Node]]:
    """The parts as typed nodes, one on the output of the other, each beside what it was made from."""
    for part in parts:
        nodes = _typed(part, shape)
        shape = nodes[-1].out_shape if nodes else shape
        yield from ((part, node) for node in nodes)


def _typed(part: Part, shape: Shape) -> Items[Node]:
    if isinstance(part.what, Skip):
        return [part.what.on(shape)]
    if not isinstance(part.what, Draft):
        return [part.what]
    try:
        return [replace(layer, undoes=part.undoes) for layer in place(part.what, shape, part.span)]
    except Problem as problem:
        found = problem.diagnostic
        hint = _ADVICE.get(VOCABULARY[part.what.name].role, found.help)
        raise problems.MIRROR_FAILED.error(found.span, reason=found.message, hint=hint) from None


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
                arguments=frame.arguments,
                transposed=frame.transposed != has_operator(frame),
                mirrors=frame.name,
            )
        )
    return items
