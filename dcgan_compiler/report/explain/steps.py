"""How a model is mirrored, line by line: the steps that `explain` words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence as Items
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby

from dcgan_compiler.ir import Gate, Layer, Model, Node, Parallel, Sequence, Shape, Tap, describe
from dcgan_compiler.layers.definition import OPERATOR
from dcgan_compiler.policy import Policy
from dcgan_compiler.report.explain.laws import (
    Case,
    branch_facts,
    branch_reason,
    facts,
    place_reasons,
    reasons,
    sizes,
    style_reasons,
)
from dcgan_compiler.report.explain.tracing import Trace, has_mirror
from dcgan_compiler.report.pairs import Pair, is_repeat, pairs
from dcgan_compiler.report.summary import describe_nodes
from dcgan_compiler.rewrite import closing, placed_nodes

_NOTHING = "(nothing)"
_NUMBER = re.compile(r"\d+(?:x\d+)*")


@dataclass(frozen=True)
class Step:
    """A layer, or a run of layers, and what became of it; `mirror` is None where there is nothing to compare.

    `facts` hold for this step, and are arithmetic where it is a matter of sizes; `reasons` hold for every step like it.
    """

    depth: int
    what: str
    mirror: str | None
    facts: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    is_arithmetic: bool = False

    @property
    def form(self) -> object:
        """What is the same for steps that differ in numbers only."""
        return self.depth, _NUMBER.sub("#", self.what), self.mirror and _NUMBER.sub("#", self.mirror)


@dataclass(frozen=True)
class Entry:
    """A line of the description, or one that only the derived half has.

    `like` is the name of an earlier line that was explained in the same words; the steps are then those with numbers.
    """

    name: str
    line: int | None
    text: str
    in_shape: Shape
    out_shape: Shape
    undone_by: str | None
    steps: tuple[Step, ...]
    like: str | None = None


def entries(model: Model, policy: Policy) -> list[Entry]:
    """The lines of a model that was mirrored, in the order of the description, and how each was."""
    lines = pairs(model)
    explainer = _Explainer(model, policy, lines)
    return list(_said_once(_shortened(explainer.entry(pair) for pair in lines)))


def _said_once(found: Iterable[Entry]) -> Iterator[Entry]:
    """Entries with every reason only where it first applies."""
    said: set[str] = set()
    for entry in found:
        steps = []
        for step in entry.steps:
            steps.append(replace(step, reasons=tuple(reason for reason in step.reasons if reason not in said)))
            said.update(step.reasons)
        yield replace(entry, steps=tuple(steps))


def _shortened(found: Iterable[Entry]) -> Iterator[Entry]:
    """Entries that differ from an earlier one in numbers only, with nothing but those numbers."""
    seen: dict[object, str] = {}
    for entry in found:
        form = tuple(step.form for step in entry.steps)
        like = seen.setdefault(form, entry.name)
        if like == entry.name or not entry.steps:
            yield entry
            continue
        numbered = tuple(replace(step, depth=0) for step in entry.steps if step.is_arithmetic)
        yield replace(entry, steps=numbered, like=like)


class _Explainer:
    """Explains the lines of one model."""

    def __init__(self, model: Model, policy: Policy, lines: Iterable[Pair]) -> None:
        self.model = model
        self.policy = policy
        self.trace = Trace(model, lines)
        self.before = {id(node) for node in self.trace.before}
        self.after = {id(node) for node in self.trace.after}
        self.policies: dict[int, Policy] = {}
        self.closing: set[int] = set()
        self._survey(model.source.body, policy)
        derived = placed_nodes(model.derived.body)
        self.places = {id(placed.node): placed.path[0].name for placed in derived if placed.path}

    def _survey(self, body: Sequence, policy: Policy) -> None:
        """Finds the layers that close branches, and the policy for every node.

        What stands before an operator follows its mirror, under the policy of its line.
        """
        placed = list(placed_nodes(body))
        following = policy
        for n, one in reversed(list(enumerate(placed))):
            local = reduce(lambda outer, line: outer.at(line.name), one.path, policy)
            closers = {id(other.node) for other in closing(placed, n)}
            self.closing |= closers
            self.policies.update(dict.fromkeys(closers, local))
            following = local if one.is_operator else following
            self.policies[id(one.node)] = following
            for branch in one.node.branches if isinstance(one.node, Parallel) else ():
                self._survey(branch, local)

    def entry(self, pair: Pair) -> Entry:
        """One line and the one that undoes it."""
        line = pair.source or pair.derived
        assert line is not None
        undone_by = None if pair.derived is None else pair.derived.name or _text(pair.derived.items)
        added = line.span == self.model.source.body.span
        steps = self._steps(pair.source.items, 0) if pair.source else self._entrance(line)
        return Entry(
            line.name or _text(line.items),
            None if added else line.span.line,
            "" if added else " ".join(line.span.text.split()),
            line.in_shape,
            line.out_shape,
            undone_by if pair.source else None,
            (*steps, *self._output(pair)),
        )

    def _entrance(self, line: Sequence) -> Iterator[Step]:
        yield Step(0, "(z)", _text(line.items), ("z enters through it: the described half does not end in one place",))

    def _output(self, pair: Pair) -> Iterator[Step]:
        """The last layer of the derived half, which the policy chooses."""
        lines = self.model.derived.body.items
        layer = _last(pair.derived) if pair.derived and pair.derived is lines[-1] else None
        if layer is not None and layer.name == self.policy.output.name and layer.span == self.model.source.body.span:
            interval = layer.definition.interval
            values = f": values in {interval}" if interval else ""
            yield Step(0, "(input)", layer.name, (f"`output {layer.name}`{values}",))

    # Steps

    def _steps(self, nodes: Iterable[Node], depth: int, *, in_branch: bool = False) -> Iterator[Step]:
        """Nodes in a row; what stands between two operators is one step."""
        parts = list(self._parts(nodes))
        for n, part in enumerate(parts):
            match part:
                case Sequence():
                    yield from self._repeat(part, depth)
                case Parallel():
                    yield from self._branches(part, depth)
                case Layer():
                    yield self._operator(part, depth)
                case Tap():
                    yield self._kept(part, depth)
                case list():
                    at_end = in_branch and n in (0, len(parts) - 1)
                    yield self._run(part, depth, at_end=at_end)

    def _parts(self, nodes: Iterable[Node]) -> Iterator[Node | list[Node]]:
        """Operators, branches and repeats one by one, and what stands between them as lists."""
        for sort, group in groupby(_flat(nodes), key=self._sort):
            if sort is None:
                yield from group
            else:
                yield list(group)

    def _sort(self, node: Node) -> str | None:
        """The sort of run that a node belongs to; None for what is explained by itself."""
        is_operator = isinstance(node, Layer) and node.definition.role == OPERATOR
        if is_operator or isinstance(node, (Sequence, Parallel, Tap)):
            return None
        return "closing" if id(node) in self.closing else "between"

    def _operator(self, layer: Layer, depth: int) -> Step:
        mirrors = tuple(mirror for mirror in self.trace[layer] if isinstance(mirror, Layer))
        if not has_mirror(layer):
            return Step(depth, _text([layer]), _NOTHING, reasons=(layer.definition.mirror_rule,))
        case = Case(layer, mirrors, self.policies[id(layer)], self.model.latent)
        return Step(depth, _text([layer]), _text(mirrors), facts(case), reasons(case), any(sizes(case)))

    def _run(self, run: Items[Node], depth: int, *, at_end: bool) -> Step:
        mirrors = [mirror for node in run for mirror in self.trace[node]]
        style = style_reasons(run, mirrors, self.policies[id(run[0])])
        where = () if at_end or not mirrors else (self._where(run, mirrors),)
        why = [*self._end(run[0], mirrors, at_end=at_end), *place_reasons(run, mirrors)]
        return Step(depth, _text(run), _text(mirrors), () if why and not mirrors else (*style, *where), tuple(why))

    def _end(self, first: Node, mirrors: Items[Node], *, at_end: bool) -> Iterator[str]:
        """Why a run at an end of something stands elsewhere than between two operators."""
        if id(first) in self.closing:
            yield "what closes branches closes their mirror, too" if mirrors else "it makes way for the output"
        elif id(first) in self.after:
            yield "it follows the last operator, and is dropped"
        elif id(first) in self.before:
            where = "closes what the output acts on" if at_end else "stands before the first operator"
            yield f"it {where}, and makes way for the output"
        elif at_end:
            yield "layers at the end of a branch keep their end"

    def _where(self, run: Items[Node], mirrors: Items[Node]) -> str:
        """`on the same (64, 32, 32), in block4`."""
        same = "the same " if mirrors[0].in_shape == run[0].in_shape else ""
        tensor = f"on {same}{describe(mirrors[0].in_shape)}"
        block = self.places.get(id(mirrors[0]))
        return f"{tensor}, in {block}" if block else tensor

    def _kept(self, tap: Tap, depth: int) -> Step:
        why = f"`skips {self.policy.skips}`: the decoder receives this tensor at the same interface"
        return Step(depth, f"(skip {tap.number})", self.policy.skips, (why,))

    def _branches(self, node: Parallel, depth: int) -> Iterator[Step]:
        if node.keyword == "heads":
            for branch in node.branches:
                yield Step(depth, f"{branch.name}: {_text(branch.items)}", None)
            mirrors = _text(self.trace[node])
            yield Step(depth, "(z)", mirrors, ("the way back from z, sampled from both heads",))
            return
        mirror = node.keyword if node.join == "add" else "split and sum"
        yield Step(depth, node.keyword, mirror, tuple(branch_facts(node)), (branch_reason(node),))
        for n, branch in enumerate(node.branches):
            name = ("body", "skip")[n] if node.keyword == "residual" else f"branch {n + 1}"
            yield Step(depth + 1, f"{name}: passes x on, there too" if not branch.items else f"{name}:", None)
            yield from self._steps(branch.items, depth + 2, in_branch=True)

    def _repeat(self, repeat: Sequence, depth: int) -> Iterator[Step]:
        """Iterations that differ in numbers only are explained once."""
        bodies = [list(self._steps([body], depth + 1)) for body in repeat.items]
        for _, group in groupby(bodies, key=lambda body: [step.form for step in body]):
            first, *others = group
            yield Step(depth, f"{len(others) + 1} times:" if others else "once:", None)
            yield from first
            known = {step.facts for step in first}
            yield from (step for body in others for step in body if step.is_arithmetic and step.facts not in known)


def _flat(nodes: Iterable[Node]) -> Iterator[Node]:
    """Nodes out of lines and macros, but with repeats in one piece."""
    for node in nodes:
        if isinstance(node, Sequence) and not is_repeat(node):
            yield from _flat(node.items)
        else:
            yield node


def _last(line: Sequence) -> Layer | None:
    """The layer that a line ends with."""
    last: Node | None = line
    while isinstance(last, Sequence):
        last = last.items[-1] if last.items else None
    return last if isinstance(last, Layer) else None


def _text(nodes: Iterable[Node]) -> str:
    return " ".join("gate" if isinstance(node, Gate) else describe_nodes([node])[0] for node in nodes) or _NOTHING
