"""Reads `train { ... }`: options to the training of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.binding import bind, call_of, checked, one_of, word, wrong_option
from dcgan_compiler.diagnostics import Diagnostic, Problem, closest
from dcgan_compiler.expressions import Unknown
from dcgan_compiler.ir import Network, Value
from dcgan_compiler.kinds import KINDS
from dcgan_compiler.layers.definition import Check
from dcgan_compiler.syntax import tree
from dcgan_compiler.training import LOSSES, OPTIMIZERS, SETTINGS, Loss, Optimizer, Setting, Training

Names = Mapping[str, Any]
_LOSS, _OPTIMIZER = "loss", "optimizer"
_MEANT = {"epochs": "steps", "lr": "optimizer adam(lr=0.0002)", "learning_rate": "optimizer adam(lr=0.0002)"}


def read_training(
    options: tree.Options | None, kind: str, derived: Network | None, names: Names
) -> tuple[Training, list[Diagnostic]]:
    """The training that a `train` statement describes, with the defaults of the kind, and what is wrong with it.

    `derived` is the generator or decoder, None where an earlier problem left it unknown; `names` are the params.
    """
    diagnostics: list[Diagnostic] = []
    given = _given(options, kind, diagnostics)
    default = next(loss for loss in LOSSES[kind] if derived is None or loss.fits(derived.interval))
    option = given.get(_LOSS)
    chosen = _loss(option, kind, derived, diagnostics) if option else default
    loss = chosen or default
    optimizer = _optimizer(given.get(_OPTIMIZER), loss.optimizer, names, diagnostics)
    settings: dict[str, Value] = {}
    for setting in (setting for setting in SETTINGS if kind in setting.kinds):
        option = given.get(setting.name)
        if option is not None and chosen is not None and setting.loss not in (None, chosen.name):
            diagnostics.append(_not_for_loss(option, setting, chosen))
        value = _value(option, setting.check, names, diagnostics) if option else None
        if value is None:
            value = setting.loss_defaults.get(loss.name, setting.default)
        if setting.loss in (None, loss.name):
            settings[setting.name] = optimizer.arguments["lr"] if value is None else value
    return Training(loss.name, optimizer, settings), diagnostics


def _given(options: tree.Options | None, kind: str, diagnostics: list[Diagnostic]) -> dict[str, tree.Option]:
    """The options that the kind has, by name; the others are problems."""
    known = (_LOSS, _OPTIMIZER, *(setting.name for setting in SETTINGS if kind in setting.kinds))
    given: dict[str, tree.Option] = {}
    for item in options.items if options else ():
        if isinstance(item, tree.At):
            reason = "its settings hold for the whole model"
            diagnostics.append(
                problems.NOT_FOR_KIND.at(item.label_span, name=f"at {item.label}", kind="`train`", reason=reason)
            )
        elif item.name not in known:
            diagnostics.append(_unknown(item, known, kind))
        elif item.name in given:
            diagnostics.append(problems.DUPLICATE_STATEMENT.at(item.name_span, name=item.name))
        else:
            given[item.name] = item
    return given


def _unknown(option: tree.Option, known: Sequence[str], kind: str) -> Diagnostic:
    owners = [KINDS[owner].phrase for setting in SETTINGS if setting.name == option.name for owner in setting.kinds]
    if owners:
        reason = f"it is a setting of {' and '.join(owners)}"
        return problems.NOT_FOR_KIND.at(option.name_span, name=option.name, kind=KINDS[kind].phrase, reason=reason)
    near = _MEANT.get(option.name) or closest(option.name, known)
    return problems.UNKNOWN_OPTION.at(option.name_span, name=option.name, known=", ".join(known), near=near)


def _not_for_loss(option: tree.Option, setting: Setting, loss: Loss) -> Diagnostic:
    return problems.NOT_FOR_LOSS.at(option.name_span, name=option.name, wanted=setting.loss, loss=loss.name)


def _value(option: tree.Option, check: Check, names: Names, diagnostics: list[Diagnostic]) -> Value:
    """The value of a setting, None where it has none."""
    try:
        value: Value = checked(option, check, names)
        return value
    except Problem as problem:
        diagnostics.append(problem.located(option.span))
    except Unknown:
        pass
    return None


# Loss


def _loss(option: tree.Option, kind: str, derived: Network | None, diagnostics: list[Diagnostic]) -> Loss | None:
    """The loss that an option chooses, None where there is none of that name."""
    losses = {loss.name: loss for loss in LOSSES[kind]}
    try:
        loss = losses[word(option, losses)]
    except Problem as problem:
        diagnostics.append(problem.located(option.span))
        return None
    interval = derived.interval if derived else None
    if derived and not loss.fits(interval):
        found = f"lie in {interval}" if interval else "have no such bounds"
        reason = f"the values must lie in {loss.interval}; those of this {derived.role} {found}"
        hint = f"end the {derived.role} in a sigmoid (`output sigmoid` in its `mirror`), or use `loss mse`"
        diagnostics.append(
            problems.CONFLICT.at(option.value.span, layer=f"{_LOSS} {loss.name}", reason=reason, hint=hint)
        )
    return loss


# Optimizer


def _optimizer(
    option: tree.Option | None, default: Optimizer, names: Names, diagnostics: list[Diagnostic]
) -> Optimizer:
    """The optimizer that an option describes.

    An argument that is not given is that of the default optimizer where it is the same one, and so is `lr` where it is
    another; the rest are torch's.
    """
    if option is None:
        return default
    call = call_of(option.value)
    if call is None or call.name not in OPTIMIZERS:
        near = closest(call.name, OPTIMIZERS) if call else None
        diagnostics.append(wrong_option(option, one_of(OPTIMIZERS), near=near).diagnostic)
        return default
    usual = default.arguments if call.name == default.name else {"lr": default.arguments["lr"]}
    definition = OPTIMIZERS[call.name]
    parameters = tuple(replace(p, default=usual.get(p.name, p.default)) for p in definition.parameters)
    arguments, wrong = bind(replace(definition, parameters=parameters), call, names, 0)
    diagnostics += [problem.located(call.span) for problem in wrong]
    if arguments is None:
        return default
    if arguments.get("nesterov") and not arguments["momentum"]:
        reason, hint = "nesterov=true needs a momentum above 0", "`sgd(momentum=0.9, nesterov=true)`"
        diagnostics.append(problems.CONFLICT.at(call.span, layer=call.name, reason=reason, hint=hint))
    return Optimizer(call.name, arguments)
