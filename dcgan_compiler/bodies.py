"""Bodies of the syntax tree to typed nodes: layers are bound and built, macros and repeats expanded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence as Items
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.binding import Defaults, assign, bind, missing
from dcgan_compiler.diagnostics import Diagnostic, Note, Problem
from dcgan_compiler.expressions import Unknown, evaluate, show
from dcgan_compiler.ir import Gate, Node, Parallel, Sequence, Shape, describe
from dcgan_compiler.layers import VOCABULARY, place
from dcgan_compiler.layers.definition import Draft, uniform
from dcgan_compiler.layers.spelling import meant
from dcgan_compiler.limits import limits
from dcgan_compiler.names import check_label
from dcgan_compiler.source import Span
from dcgan_compiler.syntax import tree

MAX_MACRO_DEPTH = 32  # a call is elaborated inside the one that it stands in, by recursion
_DEPEND_ON_THE_CALL = ("DG2", "DG3")


@dataclass(frozen=True)
class Closure:
    """A macro with the defaults that hold where it is defined."""

    macro: tree.Macro
    defaults: Mapping[str, Defaults]


@dataclass(frozen=True)
class Scope:
    """What a body can refer to. A name bound to None exists, but an earlier problem left it without a value."""

    params: Mapping[str, Any]
    macros: Mapping[str, Closure]
    defaults: Mapping[str, Defaults]
    names: Mapping[str, Any]
    calls: tuple[str, ...] = ()


@dataclass
class Bodies:
    """Elaborates bodies and collects every problem on the way.

    The shape that arrives is None after a problem that left it unknown. What follows is then still checked for names
    and arguments, so one run reports as much as it can.
    """

    diagnostics: list[Diagnostic] = field(default_factory=list)
    steps: int = 0

    def body(self, body: tree.Body, shape: Shape | None, scope: Scope) -> Sequence | None:
        """The lines of a body, one on the output of the other; None if anything in it is wrong."""
        self._check_labels(body)
        lines: list[Node] = []
        start = shape
        for line in body.lines:
            node = self._line(line, shape, scope)
            shape = node.out_shape if node else None
            lines += [node] if node else []
        complete = start is not None and len(lines) == len(body.lines)
        return Sequence.build(lines, start, body.span) if complete and start is not None else None

    def _check_labels(self, body: tree.Body) -> None:
        seen: set[str] = set()
        for line in body.lines:
            if line.label is None or line.label_span is None:
                continue
            if line.label in seen:
                self._report(problems.DUPLICATE_NAME.error(line.label_span, what="the label", name=line.label))
            seen.add(line.label)
            try:
                check_label(line.label, line.label_span)
            except Problem as problem:
                self._report(problem)

    def _line(self, line: tree.Line, shape: Shape | None, scope: Scope) -> Sequence | None:
        start, items = shape, []
        complete = True
        for link in line.chain:
            nodes = self._link(link, shape, scope)
            complete = complete and nodes is not None
            items += nodes or []
            if nodes is None:
                shape = None
            elif nodes:
                shape = nodes[-1].out_shape
        if start is None or not complete:
            return None
        return replace(Sequence.build(items, start, line.span), name=line.label, labelled=line.label is not None)

    def _link(self, link: tree.Link, shape: Shape | None, scope: Scope) -> list[Node] | None:
        """The nodes of one link of a chain (a layer may stand for none or for several); None if anything is wrong."""
        self._step(link.span)
        try:
            match link:
                case tree.Call() if link.name in scope.macros:
                    return self._macro(link, shape, scope)
                case tree.Call():
                    return self._layer(link, shape, scope)
                case tree.Repeat():
                    return self._repeat(link, shape, scope)
                case tree.Gate():
                    body = self.body(link.body, shape, scope)
                    return [Gate.build(body, link.span)] if body else None
                case tree.Residual():
                    return self._residual(link, shape, scope)
                case tree.Branches():
                    bodies = [self.body(branch, shape, scope) for branch in link.branches]
                    return _parallel("add" if link.kind == "sum" else "cat", bodies, shape, link.kind, link.span)
        except Problem as problem:
            self._report(problem, link.span)
            return None
        except Unknown:
            return None

    def _layer(self, call: tree.Call, shape: Shape | None, scope: Scope) -> list[Node] | None:
        definition = VOCABULARY.get(call.name)
        if definition is None:
            near = meant(call.name, [*VOCABULARY, *scope.macros])
            raise problems.UNKNOWN_LAYER.error(call.name_span, name=call.name, near=near)
        if shape is not None:
            try:
                definition.check_rank(shape)
            except Problem as problem:
                self._report(problem, call.span)
                shape = None
        here = {"in_channels": shape[0] if shape else None}
        rank = len(shape) - 1 if shape else None
        defaults = scope.defaults.get(call.name, {})
        arguments, wrong = bind(definition, call, {**scope.names, **here}, rank, defaults, {**scope.params, **here})
        for mistake in wrong:
            self._report(mistake, call.span)
        if arguments is None or shape is None:
            return None
        return [*place(Draft(call.name, arguments), shape, call.span)]

    def _macro(self, call: tree.Call, shape: Shape | None, scope: Scope) -> list[Node] | None:
        closure = scope.macros[call.name]
        macro = closure.macro
        if call.name in scope.calls:
            cycle = " -> ".join((*scope.calls[scope.calls.index(call.name) :], call.name))
            raise problems.MACRO_CYCLE.error(call.name_span, cycle=cycle)
        if len(scope.calls) >= MAX_MACRO_DEPTH:
            raise problems.MACRO_TOO_DEEP.error(call.name_span, limit=MAX_MACRO_DEPTH)
        names, complete = self._macro_names(call, macro, shape, scope)
        inner = replace(scope, names=names, defaults=closure.defaults, calls=(*scope.calls, call.name))
        with self._noting(f"in this call of `{call.name}`", call.span):
            body = self.body(macro.body, shape, inner)
        arguments = tuple((parameter.name, names[parameter.name]) for parameter in macro.parameters)
        return [replace(body, macro=call.name, arguments=arguments)] if body and complete else None

    def _macro_names(
        self, call: tree.Call, macro: tree.Macro, shape: Shape | None, scope: Scope
    ) -> tuple[dict[str, Any], bool]:
        """The names inside a macro: the params and the arguments of this call; and whether all is well with them."""
        known = [parameter.name for parameter in macro.parameters]
        assigned, wrong = assign(call, known)
        lacking: list[str] = []
        names = dict(scope.params)
        channels = {"in_channels": shape[0] if shape else None}
        for parameter in macro.parameters:
            argument = assigned.get(parameter.name)
            value = argument.value if argument else parameter.default
            visible = {**(scope.names if argument else names), **channels}
            names[parameter.name] = None
            if value is None:
                lacking.append(parameter.name)
                continue
            try:
                names[parameter.name] = evaluate(value, visible)
            except Unknown:
                continue
            except Problem as problem:
                wrong.append(problem)
        wrong += missing(call, lacking, known, wrong)
        for mistake in wrong:
            self._report(mistake, call.span)
        return names, not wrong

    def _repeat(self, repeat: tree.Repeat, shape: Shape | None, scope: Scope) -> list[Node] | None:
        count = evaluate(repeat.count, {**scope.names, "in_channels": shape[0] if shape else None})
        most = limits().repeat
        if type(count) is not int or not 1 <= count <= most:
            name = "repeat" if type(count) is int and count > most else None
            raise problems.REPEAT_COUNT.error(repeat.count.span, limit=most, found=show(count), name=name)
        start, items = shape, []
        for index in range(count):
            self._step(repeat.span)
            with self._noting(f"with index = {index} in this `repeat`" if index else None, repeat.span):
                node = self.body(repeat.body, shape, replace(scope, names={**scope.names, "index": index}))
            if node is None:
                return None
            items.append(node)
            shape = node.out_shape
        return [Sequence.build(items, start, repeat.span)] if start is not None else None

    def _residual(self, residual: tree.Residual, shape: Shape | None, scope: Scope) -> list[Node] | None:
        body = self.body(residual.body, shape, scope)
        if residual.skip is not None:
            skip = self.body(residual.skip, shape, scope)
        else:
            skip = Sequence.build((), shape, residual.span) if shape is not None else None
        if body and skip and body.out_shape != skip.out_shape:
            raise _unequal(residual, body.out_shape, skip.out_shape, scope)
        return _parallel("add", [body, skip], shape, "residual", residual.span)

    def _step(self, span: Span) -> None:
        self.steps += 1
        most = limits().layers
        if self.steps > most:
            raise TooManySteps(problems.TOO_MANY_LAYERS.at(span, limit=most))

    @contextmanager
    def _noting(self, text: str | None, span: Span) -> Iterator[None]:
        """Adds a note to the problems found meanwhile whose cause may be here: those with values and shapes."""
        known = len(self.diagnostics)
        yield
        for i in range(known, len(self.diagnostics)):
            found = self.diagnostics[i]
            if text and found.kind.code.startswith(_DEPEND_ON_THE_CALL):
                self.diagnostics[i] = replace(found, notes=(*found.notes, Note(text, span)))

    def _report(self, problem: Problem, span: Span | None = None) -> None:
        self.diagnostics.append(problem.located(span) if span else problem.diagnostic)


class TooManySteps(Exception):
    """The description expands without end; the whole run is given up."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def _unequal(residual: tree.Residual, found: Shape, skipped: Shape, scope: Scope) -> Problem:
    """The two sides of a residual differ; where the input itself is added, the advice is the usual projection."""
    if residual.skip:
        span, second, hint = residual.skip.span, "the skip", "both must end at the same shape"
    else:
        span, second, hint = residual.span, "the input", _projection(skipped, found, scope)
    return problems.BRANCH_MISMATCH.error(
        span,
        kind="residual",
        first=f"the body gives {describe(found)}",
        second=f"{second} is {describe(skipped)}",
        hint=hint,
    )


def _projection(before: Shape, after: Shape, scope: Scope) -> str:
    """The `skip` that takes `before` to `after`: one linear layer or 1x1 convolution, if that is enough."""
    if len(before) == len(after) == 1:
        return f"add `skip {{ linear({after[0]}) }}`"
    strides = [_stride(n, m) for n, m in zip(before[1:], after[1:], strict=False)]
    if len(before) != len(after) or None in strides:
        return f"add a `skip {{ ... }}` that ends at {describe(after)}, or let the body keep the shape"
    stride = show(uniform(tuple(strides)))
    preset = scope.defaults.get("conv", {})
    written = [str(after[0]), "kernel_size=1"]
    written += [f"stride={stride}"] if stride != "1" or "stride" in preset else []
    written += ["padding=0"] if "padding" in preset else []
    return f"add `skip {{ conv({', '.join(written)}) }}`"


def _stride(n: int, m: int) -> int | None:
    """The smallest stride with which a 1x1 convolution takes n places to m, if there is one."""
    stride = (n - 1) // m + 1
    return stride if (n - 1) // stride + 1 == m else None


def _parallel(
    join: str, bodies: Items[Sequence | None], shape: Shape | None, keyword: str, span: Span
) -> list[Node] | None:
    branches = [body for body in bodies if body is not None]
    if shape is None or len(branches) < len(bodies):
        return None
    return [Parallel.build("copy", join, branches, shape, keyword, span)]
