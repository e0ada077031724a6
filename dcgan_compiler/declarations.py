"""The statements of a description: params, settings, defaults, macros, and which halves are written or mirrored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.binding import assign
from dcgan_compiler.bodies import Closure, Scope
from dcgan_compiler.diagnostics import Diagnostic, Kind as ProblemKind, Problem, closest
from dcgan_compiler.expressions import Unknown, evaluate, show
from dcgan_compiler.ir import Network, Shape, describe
from dcgan_compiler.kinds import CONDITIONS, INITS, MAX_CLASSES, Condition, Kind
from dcgan_compiler.layers import VOCABULARY
from dcgan_compiler.layers.definition import MAX_COUNT
from dcgan_compiler.layers.spelling import meant
from dcgan_compiler.limits import limits
from dcgan_compiler.names import check_macro, check_name
from dcgan_compiler.source import Span
from dcgan_compiler.syntax import tree
from dcgan_compiler.train_statement import read_training
from dcgan_compiler.training import Training

Overrides = Mapping[str, int | float | bool]
Half = tree.Section | tree.Mirror


@dataclass
class Declarations:
    """What the statements of one model say; every problem is added to `diagnostics`.

    Reading is in the order of the text: a param can use those above it, a default holds for the lines below it.
    """

    model: tree.Model
    kind: Kind
    overrides: Overrides
    input_shape: Shape | None
    diagnostics: list[Diagnostic]
    params: dict[str, Any] = field(default_factory=dict)
    macros: dict[str, Closure] = field(default_factory=dict)
    defaults: dict[str, dict[str, tree.Argument]] = field(default_factory=dict)
    settings: dict[str, tree.Setting] = field(default_factory=dict)
    train: tree.Train | None = None
    halves: dict[str, tuple[Half, Scope]] = field(default_factory=dict)

    def read(self) -> None:
        """Read every statement."""
        self._check(lambda: check_name("a model", self.model.name, self.model.name_span))
        for statement in self.model.statements:
            self._statement(statement)
        for name in sorted(self.overrides.keys() - self.params.keys()):
            self.report(problems.UNKNOWN_OVERRIDE, None, name=name, near=closest(name, self.params))

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
                self._train(statement)
            case tree.Section() | tree.Mirror():
                self._half(statement)

    def _param(self, param: tree.Param) -> None:
        self._check(lambda: check_name("a param", param.name, param.name_span))
        if param.name in self.params:
            self.report(problems.DUPLICATE_NAME, param.name_span, what="the param", name=param.name)
        value = None
        try:
            value = self.overrides.get(param.name, None)
            value = evaluate(param.value, self.params) if value is None else value
        except Problem as problem:
            self.diagnostics.append(problem.located(param.span))
        except Unknown:
            pass
        if isinstance(value, (str, tuple)):
            self.report(
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
        if setting.name in self.settings:
            self.report(problems.DUPLICATE_STATEMENT, setting.span, name=setting.name)
        self.settings[setting.name] = setting

    def _train(self, train: tree.Train) -> None:
        if self.train is not None:
            self.report(problems.DUPLICATE_STATEMENT, train.span, name="train")
        self.train = train

    def _default(self, call: tree.Call) -> None:
        definition = VOCABULARY.get(call.name)
        if definition is None:
            self.report(problems.UNKNOWN_LAYER, call.name_span, name=call.name, near=meant(call.name, VOCABULARY))
            return
        assigned, wrong = assign(call, [parameter.name for parameter in definition.parameters])
        self.diagnostics.extend(problem.located(call.span) for problem in wrong)
        self.defaults = {**self.defaults, call.name: {**self.defaults.get(call.name, {}), **assigned}}

    def _macro(self, macro: tree.Macro) -> None:
        self._check(lambda: check_macro(macro.name, VOCABULARY, macro.name_span))
        if macro.name in self.macros:
            self.report(problems.DUPLICATE_NAME, macro.name_span, what="the block", name=macro.name)
        seen: set[str] = set()
        for parameter in macro.parameters:
            self._check(partial(check_name, "an argument", parameter.name, parameter.span))
            if parameter.name in seen:
                self.report(problems.DUPLICATE_NAME, parameter.span, what="the argument", name=parameter.name)
            seen.add(parameter.name)
        if macro.name not in VOCABULARY:
            self.macros[macro.name] = Closure(macro, self.defaults)

    def _half(self, half: Half) -> None:
        known = (self.kind.source, self.kind.derived)
        near = None if half.name in known else closest(half.name, known)
        if half.name not in known:
            self.report(
                problems.UNKNOWN_SECTION,
                half.name_span,
                kind=self.kind.phrase,
                name=half.name,
                known=" and ".join(f"`{name}`" for name in known),
                near=near,
            )
        elif half.name in self.halves:
            self.report(problems.DUPLICATE_STATEMENT, half.name_span, name=half.name)
        elif half.name == self.kind.source and isinstance(half, tree.Mirror):
            self.report(
                problems.NOT_FOR_KIND,
                half.name_span,
                name=f"{half.name} mirror",
                kind=self.kind.phrase,
                reason=f"the {half.name} is the half that is described",
            )
        scope = Scope(self.params, self.macros, self.defaults, self.params)
        self.halves.setdefault(near or half.name, (half, scope))

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

    def input(self) -> Shape | None:
        """The shape of the input, without the batch; None where it is missing or wrong."""
        setting = self.settings.get("input")
        if setting is None and self.input_shape is None:
            self.missing("the shape of its input", "input (3, 64, 64)")
            return None
        value = self.input_shape or self._value("input")
        if value is None:
            return None
        shape = value if isinstance(value, tuple) else (value,)
        span = setting.value.span if setting and not self.input_shape else None
        if not 1 <= len(shape) <= 4 or not all(type(n) is int and 1 <= n <= MAX_COUNT for n in shape):
            self.report(
                problems.WRONG_INPUT,
                span,
                expected="(F), (C, L), (C, H, W) or (C, D, H, W) with whole numbers of at least 1",
                found=show(shape),
            )
            return None
        if prod(shape) > limits().values:
            found, limit = describe(shape), limits().values
            self.report(problems.TOO_LARGE, span, what="the input", found=found, limit=limit, name="values")
            return None
        return shape

    def latent(self) -> int | None:
        """The length of the latent vector; None where there is none."""
        setting = self.settings.get("latent")
        if setting is None:
            if self.kind.needs_latent:
                self.missing("the length of its latent vector", "latent 100")
            return None
        value = self._value("latent")
        if value is None or (type(value) is int and 1 <= value <= MAX_COUNT):
            return value
        self.report(
            problems.WRONG_VALUE,
            setting.value.span,
            name="latent",
            expected="a whole number of at least 1",
            found=show(value),
            hint=None,
        )
        return None

    def init(self) -> str:
        """The name of the weight initialisation."""
        return self._word("init", INITS) or self.kind.init

    def condition(self) -> Condition | None:
        """How both halves are told the class; None where there are no classes, or what is said of them is wrong."""
        if not self.kind.conditions:
            self._refuse_condition()
            return None
        method = self.settings.get("condition")
        if method and "classes" not in self.settings:
            self.missing("the number of classes for its `condition`", "classes 10", method.span)
        word = self._word("condition", CONDITIONS) or self.kind.conditions[0]
        if method and word in CONDITIONS and word not in self.kind.conditions:
            known = " and ".join(f"`{name}`" for name in self.kind.conditions)
            reason = f"it has no discriminator to judge the class; there are {known}"
            name = f"condition {word}"
            self.report(problems.NOT_FOR_KIND, method.span, name=name, kind=self.kind.phrase, reason=reason)
        classes = self._classes()
        return Condition(word, classes) if classes is not None and word in self.kind.conditions else None

    def _refuse_condition(self) -> None:
        """Report the statements of a conditional model, of a kind that has none."""
        kind, reason = f"a plain {self.kind.name}", "its code is all that the decoder is told"
        for name in ("classes", "condition"):
            if name in self.settings:
                self.report(problems.NOT_FOR_KIND, self.settings[name].span, name=name, kind=kind, reason=reason)

    def _classes(self) -> int | None:
        """The number of classes; None where there is none, or a wrong one."""
        setting, count = self.settings.get("classes"), self._value("classes")
        if setting is None or count is None:
            return None
        if type(count) is int and 2 <= count <= MAX_CLASSES:
            return count
        self.report(
            problems.WRONG_VALUE,
            setting.value.span,
            name="classes",
            expected=f"a whole number from 2 to {MAX_CLASSES}",
            found=show(count),
            hint=None,
        )
        return None

    @property
    def condition_span(self) -> Span:
        """Where the author asks for a conditional model."""
        return (self.settings.get("condition") or self.settings["classes"]).span

    def _word(self, name: str, known: Sequence[str]) -> str | None:
        """The word of a setting, which is wrong if it is not one of the `known`; None where it is missing."""
        setting = self.settings.get(name)
        if setting is None:
            return None
        word = setting.value.id if isinstance(setting.value, tree.Name) else setting.value.span.text
        if word not in known:
            near = closest(word, known)
            self.report(
                problems.WRONG_VALUE,
                setting.value.span,
                name=name,
                expected=f"one of {', '.join(known)}",
                found=f"`{word}`",
                hint=f"did you mean `{near}`?" if near else None,
            )
        return word

    def training(self, derived: Network | None) -> Training:
        """How the model is trained; `derived` is the half that is mirrored or written out, where it could be had."""
        options = self.train.options if self.train else None
        training, wrong = read_training(options, self.kind.name, derived, self.params)
        self.diagnostics.extend(wrong)
        return training

    # Reporting

    def report(self, problem: ProblemKind, span: Span | None, /, **values: Any) -> None:
        """Add a problem."""
        self.diagnostics.append(problem.at(span, **values))

    def missing(self, what: str, example: str, span: Span | None = None) -> None:
        """Add the problem that the model lacks something, which is seen at its kind if at no other place."""
        span = span or self.model.kind_span
        self.report(problems.MISSING_STATEMENT, span, kind=self.kind.phrase, what=what, example=example)

    def _check(self, check: Callable[[], None]) -> None:
        try:
            check()
        except Problem as problem:
            self.diagnostics.append(problem.diagnostic)
