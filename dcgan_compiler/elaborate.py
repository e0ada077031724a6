"""The syntax tree to the typed model: statements, the described half, and the half that mirrors it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.binding import assign
from dcgan_compiler.bodies import Bodies, Closure, Scope, TooManySteps
from dcgan_compiler.diagnostics import Diagnostic, Kind as ProblemKind, Problem, closest
from dcgan_compiler.expressions import Unknown, evaluate, show
from dcgan_compiler.ir import MAX_ELEMENTS, Layer, Model, Network, Sequence, Shape, describe, layers
from dcgan_compiler.kinds import INITS, KINDS, Kind
from dcgan_compiler.layers import VOCABULARY, place
from dcgan_compiler.layers.definition import MAX_COUNT, OPERATOR, Draft
from dcgan_compiler.mirror import mirror
from dcgan_compiler.names import check_label, check_macro, check_name
from dcgan_compiler.naming import named
from dcgan_compiler.policy import NONE, Policy, read_policy
from dcgan_compiler.rewrite import tapped, to_latent, with_line
from dcgan_compiler.source import Span
from dcgan_compiler.syntax import tree

Overrides = Mapping[str, int | float | bool]
Half = tree.Section | tree.Mirror


def elaborate(
    model: tree.Model, overrides: Overrides | None = None, input_shape: Shape | None = None
) -> tuple[Model | None, list[Diagnostic]]:
    """The typed model of a description, and every problem that was found; the model is None if there is an error.

    `overrides` replace the values of params, `input_shape` (without the batch) that of the `input` statement.
    """
    kind = KINDS.get(model.kind)
    if kind is None:
        return None, [problems.UNKNOWN_KIND.at(model.kind_span, name=model.kind, near=closest(model.kind, KINDS))]
    elaboration = _Elaboration(model, kind, dict(overrides or {}), input_shape)
    try:
        result = elaboration.run()
    except TooManySteps as stop:
        return None, [*elaboration.diagnostics, stop.diagnostic]
    failed = any(diagnostic.is_error for diagnostic in elaboration.diagnostics)
    return (None if failed else result), elaboration.diagnostics


@dataclass
class _Elaboration:
    """One run over the statements of one model, and all that it finds."""

    model: tree.Model
    kind: Kind
    overrides: dict[str, int | float | bool]
    input_shape: Shape | None
    bodies: Bodies = field(default_factory=Bodies)
    params: dict[str, Any] = field(default_factory=dict)
    macros: dict[str, Closure] = field(default_factory=dict)
    defaults: dict[str, dict[str, tree.Argument]] = field(default_factory=dict)
    settings: dict[str, tree.Setting] = field(default_factory=dict)
    halves: dict[str, tuple[Half, Scope]] = field(default_factory=dict)

    @property
    def diagnostics(self) -> list[Diagnostic]:
        """What has been found so far."""
        return self.bodies.diagnostics

    def run(self) -> Model | None:
        """The typed model, or None where its parts could not be had."""
        self._check(lambda: check_name("a model", self.model.name, self.model.name_span))
        for statement in self.model.statements:
            self._statement(statement)
        for name in sorted(self.overrides.keys() - self.params.keys()):
            self._report(problems.UNKNOWN_OVERRIDE, None, name=name, near=closest(name, self.params))
        shape, latent, init = self._input(), self._latent(), self._init()
        source = self._described(shape, latent)
        policy = self._policy()
        if source and policy and policy.skips != NONE:
            source = replace(source, body=tapped(source.body))
        derived = self._written(source, latent) if policy is None else self._mirrored(source, policy, latent)
        if source is None or derived is None or shape is None:
            return None
        name, source_name = self.model.name, self.model.span.source.name
        return Model(self.kind.name, name, source_name, shape, latent, init, source, derived, policy)

    # Statements

    def _statement(self, statement: tree.Statement) -> None:
        match statement:
            case tree.Param():
                self._param(statement)
            case tree.Setting():
                self._setting(statement)
            case tree.Default():
                self._default(statement.call)
            case tree.Macro():
                self._macro(statement)
            case tree.Train():
                self._report(problems.NOT_YET, statement.span, what="`train`")
            case tree.Section() | tree.Mirror():
                self._half(statement)

    def _param(self, param: tree.Param) -> None:
        self._check(lambda: check_name("a param", param.name, param.name_span))
        if param.name in self.params:
            self._report(problems.DUPLICATE_NAME, param.name_span, what="the param", name=param.name)
        value = None
        try:
            value = self.overrides.get(param.name, None)
            value = evaluate(param.value, self.params) if value is None else value
        except Problem as problem:
            self.diagnostics.append(problem.located(param.span))
        except Unknown:
            pass
        if isinstance(value, (str, tuple)):
            self._report(
                problems.WRONG_VALUE,
                param.value.span,
                name=param.name,
                expected="a number, true or false",
                found=show(value),
                hint=None,
            )
            value = None
        self.params[param.name] = value

    def _setting(self, setting: tree.Setting) -> None:
        if setting.name in ("classes", "condition"):
            self._report(problems.NOT_YET, setting.span, what=f"`{setting.name}`")
        if setting.name in self.settings:
            self._report(problems.DUPLICATE_STATEMENT, setting.span, name=setting.name)
        self.settings[setting.name] = setting

    def _default(self, call: tree.Call) -> None:
        definition = VOCABULARY.get(call.name)
        if definition is None:
            self._report(problems.UNKNOWN_LAYER, call.name_span, name=call.name, near=closest(call.name, VOCABULARY))
            return
        assigned, wrong = assign(call, [parameter.name for parameter in definition.parameters])
        self.diagnostics.extend(problem.located(call.span) for problem in wrong)
        self.defaults = {**self.defaults, call.name: {**self.defaults.get(call.name, {}), **assigned}}

    def _macro(self, macro: tree.Macro) -> None:
        self._check(lambda: check_macro(macro.name, VOCABULARY, macro.name_span))
        if macro.name in self.macros:
            self._report(problems.DUPLICATE_NAME, macro.name_span, what="the block", name=macro.name)
        seen: set[str] = set()
        for parameter in macro.parameters:
            self._check(lambda name=parameter.name, span=parameter.span: check_name("an argument", name, span))
            if parameter.name in seen:
                self._report(problems.DUPLICATE_NAME, parameter.span, what="the argument", name=parameter.name)
            seen.add(parameter.name)
        if macro.name not in VOCABULARY:
            self.macros[macro.name] = Closure(macro, self.defaults)

    def _half(self, half: Half) -> None:
        known = (self.kind.source, self.kind.derived)
        if half.name not in known:
            self._report(
                problems.UNKNOWN_SECTION,
                half.name_span,
                kind=self.kind.name,
                name=half.name,
                known=" and ".join(f"`{name}`" for name in known),
                near=closest(half.name, known),
            )
        elif half.name in self.halves:
            self._report(problems.DUPLICATE_STATEMENT, half.name_span, name=half.name)
        elif half.name == self.kind.source and isinstance(half, tree.Mirror):
            self._report(
                problems.NOT_FOR_KIND,
                half.name_span,
                name=f"{half.name} mirror",
                kind=self.kind.name,
                reason=f"the {half.name} is the half that is described",
            )
        scope = Scope(self.params, self.macros, self.defaults, self.params)
        self.halves.setdefault(half.name, (half, scope))

    # Settings

    def _value(self, name: str) -> Any:
        """The value of a setting, or None where it is missing or has none."""
        setting = self.settings.get(name)
        if setting is None:
            return None
        try:
            return evaluate(setting.value, self.params)
        except Problem as problem:
            self.diagnostics.append(problem.located(setting.span))
        except Unknown:
            pass
        return None

    def _input(self) -> Shape | None:
        setting = self.settings.get("input")
        if setting is None and self.input_shape is None:
            self._missing("the shape of its input", "input (3, 64, 64)")
            return None
        value = self.input_shape or self._value("input")
        if value is None:
            return None
        shape = value if isinstance(value, tuple) else (value,)
        sizes = all(type(n) is int and 1 <= n <= MAX_COUNT for n in shape)
        if not sizes or not 1 <= len(shape) <= 4 or prod(shape) > MAX_ELEMENTS:
            self._report(
                problems.WRONG_INPUT,
                setting.value.span if setting and not self.input_shape else None,
                expected="(F), (C, L), (C, H, W) or (C, D, H, W) with whole numbers of at least 1",
                found=show(shape),
            )
            return None
        return shape

    def _latent(self) -> int | None:
        setting = self.settings.get("latent")
        if setting is None:
            if self.kind.needs_latent:
                self._missing("the length of its latent vector", "latent 100")
            return None
        value = self._value("latent")
        if value is None or (type(value) is int and 1 <= value <= MAX_COUNT):
            return value
        self._report(
            problems.WRONG_VALUE,
            setting.value.span,
            name="latent",
            expected="a whole number of at least 1",
            found=show(value),
            hint=None,
        )
        return None

    def _init(self) -> str:
        setting = self.settings.get("init")
        if setting is None:
            return self.kind.init
        word = setting.value.id if isinstance(setting.value, tree.Name) else setting.value.span.text
        if word not in INITS:
            near = closest(word, INITS)
            self._report(
                problems.WRONG_VALUE,
                setting.value.span,
                name="init",
                expected=f"one of {', '.join(INITS)}",
                found=f"`{word}`",
                hint=f"did you mean `{near}`?" if near else None,
            )
        return word

    # Halves

    def _described(self, shape: Shape | None, latent: int | None) -> Network | None:
        """The half that is written out, completed by what its kind adds."""
        half, scope = self.halves.get(self.kind.source, (None, None))
        if not isinstance(half, tree.Section) or scope is None:
            if half is None:
                self._missing(f"the section `{self.kind.source}`", f"{self.kind.source} {{ ... }}")
            return None
        body = self.bodies.body(half.body, shape, scope)
        if body is None:
            return None
        if not any(layer.definition.role == OPERATOR for layer in layers(body)):
            hint = "an operator is what the mirror undoes: `conv`, `linear`, a pool, ..."
            self._report(problems.NO_OPERATOR, half.name_span, section=half.name, hint=hint)
            return None
        if self.kind.name == "gan" and prod(body.out_shape[1:]) > 1:
            return Network(half.name, named(body, has_head=True))
        if self.kind.name == "gan":
            return Network(half.name, named(with_line(body, Draft("flatten", {})), has_head=True))
        if latent is None:
            return Network(half.name, named(body, has_head=False))
        return self._with_code(half.name, body, latent)

    def _with_code(self, role: str, body: Sequence, latent: int) -> Network:
        """An encoder with its way to the latent: one linear layer, or the two heads of a VAE."""
        if self.kind.name == "autoencoder":
            return Network(role, named(with_line(body, Draft("flatten", {}), to_latent(latent)), has_head=True))
        trunk = with_line(body, Draft("flatten", {}))
        head = place(to_latent(latent), trunk.out_shape, body.span)[0]
        return Network(role, named(trunk, has_head=False), (("mean", head), ("log_variance", head)))

    def _policy(self) -> Policy | None:
        """How the derived half is mirrored; None where it is written out."""
        half, _ = self.halves.get(self.kind.derived, (None, None))
        if isinstance(half, tree.Section):
            return None
        labels = _labels(self.halves.get(self.kind.source, (None,))[0])
        options = half.options if isinstance(half, tree.Mirror) else None
        policy, wrong = read_policy(options, self.kind.name, self.kind.source, labels, self.params)
        self.diagnostics.extend(wrong)
        return policy

    def _mirrored(self, source: Network | None, policy: Policy, latent: int | None) -> Network | None:
        if source is None or (self.kind.needs_latent and latent is None):
            return None
        body = source.body
        if source.heads:
            head = Sequence.build([source.heads[0][1]], body.out_shape, body.span)
            body = replace(body, items=(*body.items, head), out_shape=source.out_shape)
        try:
            return Network(self.kind.derived, named(mirror(body, policy, latent), has_head=True))
        except Problem as problem:
            self.diagnostics.append(problem.diagnostic)
            return None

    def _written(self, source: Network | None, latent: int | None) -> Network | None:
        """A generator or decoder that is written out; it must end at the shape that the other half takes."""
        half, scope = self.halves[self.kind.derived]
        assert isinstance(half, tree.Section)
        code = (latent,) if latent is not None else source.out_shape if source else None
        body = self.bodies.body(half.body, code, scope)
        if body is None or source is None:
            return None
        if body.out_shape != source.in_shape:
            last = half.body.lines[-1].span if half.body.lines else half.name_span
            self._report(
                problems.HALVES_DISAGREE,
                last,
                half=half.name,
                other=source.role,
                found=describe(body.out_shape),
                expected=describe(source.in_shape),
                hint=None,
            )
            return None
        return Network(half.name, named(body, has_head=True))

    # Reporting

    def _report(self, problem: ProblemKind, span: Span | None, /, **values: Any) -> None:
        self.diagnostics.append(problem.at(span, **values))

    def _missing(self, what: str, example: str) -> None:
        self._report(
            problems.MISSING_STATEMENT, self.model.kind_span, kind=self.kind.name, what=what, example=example
        )

    def _check(self, check: Any) -> None:
        try:
            check()
        except Problem as problem:
            self.diagnostics.append(problem.diagnostic)


def _labels(half: Half | None) -> list[str]:
    """The labels of the lines of a section, those of its branches too."""
    return _body_labels(half.body) if isinstance(half, tree.Section) else []


def _body_labels(body: tree.Body) -> list[str]:
    found: list[str] = []
    for line in body.lines:
        found += [line.label] if line.label else []
        for link in line.chain:
            for inner in _inner_bodies(link):
                found += _body_labels(inner)
    return found


def _inner_bodies(link: tree.Link) -> list[tree.Body]:
    match link:
        case tree.Residual():
            return [link.body, *([link.skip] if link.skip else [])]
        case tree.Branches():
            return list(link.branches)
        case tree.Repeat() | tree.Gate():
            return [link.body]
        case tree.Call():
            return []
