"""The settings of `train { ... }`: what the training script does, where the author does not say (docs/language.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.binding import bind, call_of, checked, one_of, word, wrong_option
from dcgan_compiler.diagnostics import Diagnostic, Problem, closest
from dcgan_compiler.expressions import Unknown
from dcgan_compiler.ir import Layer, Network, Sequence as Body, Value
from dcgan_compiler.kinds import KINDS
from dcgan_compiler.layers.definition import COUNT, FLAG, NOT_NEGATIVE, POSITIVE, WHOLE, Check, Parameter
from dcgan_compiler.syntax import tree

Names = Mapping[str, Any]

UNIT = "[0, 1]"
"""The interval that `loss bce` of a reconstruction takes (`LayerDef.interval`)."""


@dataclass(frozen=True)
class Optimizer:
    """An optimizer of `torch.optim`: `name` is adam, adamw, sgd or rmsprop, `arguments` all that it can be given."""

    name: str
    arguments: Mapping[str, Value]


@dataclass(frozen=True)
class Training:
    """How a model is trained; `settings` are those of its kind and loss, in the order of `SETTINGS`."""

    loss: str
    optimizer: Optimizer
    settings: Mapping[str, Value]


# The tables


def _below_one(value: Any) -> float | None:
    number: Any = NOT_NEGATIVE.convert(value)
    return number if number is not None and number < 1 else None


def _betas(value: Any) -> tuple[float, ...] | None:
    converted = tuple(map(_below_one, value)) if isinstance(value, tuple) else ()
    numbers = tuple(number for number in converted if number is not None)
    return numbers if len(numbers) == len(converted) == 2 else None


BELOW_ONE = Check("a number of at least 0 and below 1", _below_one)
BETAS = Check("two numbers of at least 0 and below 1, such as (0.5, 0.999)", _betas)


@dataclass(frozen=True)
class OptimizerDef:
    """An optimizer with its arguments, in the order in which they can be given without names, and torch's defaults."""

    name: str
    parameters: tuple[Parameter, ...]


_EPS = Parameter("eps", POSITIVE, 1e-8)
_MOMENTUM = Parameter("momentum", BELOW_ONE, 0.0)


def _adaptive(name: str, weight_decay: float) -> OptimizerDef:
    decay = Parameter("weight_decay", NOT_NEGATIVE, weight_decay)
    return OptimizerDef(name, (Parameter("lr", POSITIVE, 1e-3), Parameter("betas", BETAS, (0.9, 0.999)), _EPS, decay))


OPTIMIZERS = {
    optimizer.name: optimizer
    for optimizer in (
        _adaptive("adam", 0.0),
        _adaptive("adamw", 0.01),
        OptimizerDef(
            "sgd",
            (
                Parameter("lr", POSITIVE, 1e-3),
                _MOMENTUM,
                Parameter("nesterov", FLAG, False),
                Parameter("weight_decay", NOT_NEGATIVE, 0.0),
            ),
        ),
        OptimizerDef(
            "rmsprop",
            (
                Parameter("lr", POSITIVE, 1e-2),
                Parameter("alpha", BELOW_ONE, 0.99),
                _EPS,
                Parameter("weight_decay", NOT_NEGATIVE, 0.0),
                _MOMENTUM,
            ),
        ),
    )
}


def _usual(name: str, **given: Value) -> Optimizer:
    """An optimizer with torch's defaults, but for the arguments that are given."""
    return Optimizer(name, {parameter.name: parameter.default for parameter in OPTIMIZERS[name].parameters} | given)


@dataclass(frozen=True)
class Loss:
    """What is minimised: `help` says it, `optimizer` is the one that it is published with."""

    name: str
    help: str
    optimizer: Optimizer


_DCGAN = _usual("adam", lr=2e-4, betas=(0.5, 0.999))  # Radford et al. 2016
_AUTOENCODER = _usual("adam", lr=1e-3)
_BCE = Loss("bce", "binary cross-entropy; the decoder must end in [0, 1]", _AUTOENCODER)
_MSE = Loss("mse", "mean squared error", _AUTOENCODER)
_L1 = Loss("l1", "mean absolute error", _AUTOENCODER)

LOSSES: Mapping[str, tuple[Loss, ...]] = {
    "gan": (
        Loss("bce", "the non-saturating loss, on logits (Goodfellow et al. 2014)", _DCGAN),
        Loss("lsgan", "least squares (Mao et al. 2017)", _DCGAN),
        Loss("hinge", "hinge loss (Lim & Ye 2017)", _DCGAN),
        Loss("wgan", "Wasserstein loss, weights clipped (Arjovsky et al. 2017)", _usual("rmsprop", lr=5e-5)),
        Loss(
            "wgan_gp",
            "Wasserstein loss with a gradient penalty (Gulrajani et al. 2017)",
            _usual("adam", lr=1e-4, betas=(0.0, 0.9)),
        ),
    ),
    "vae": (_MSE, _L1, _BCE),
    "autoencoder": (_MSE, _L1, _BCE),
}
"""The losses of every kind of model, the default first (for a vae `bce` where its decoder ends in [0, 1])."""


@dataclass(frozen=True)
class Setting:
    """One setting of the kinds in `kinds`, or of one of their losses.

    `help` is a sentence without its full stop, with the unit. A `default` of None is the learning rate of the
    optimizer; `loss_defaults` are the defaults of losses that have another.
    """

    name: str
    check: Check
    default: Value
    help: str
    kinds: tuple[str, ...] = tuple(KINDS)
    loss: str | None = None
    loss_defaults: Mapping[str, Value] = field(default_factory=dict)


_GAN, _VAE, _AUTO = ("gan",), ("vae",), ("autoencoder",)

SETTINGS = (
    Setting("batch_size", COUNT, 64, "samples in one step, over all processes together"),
    Setting("steps", COUNT, 20_000, "training steps; of the generator for a gan"),
    Setting("sample_every", COUNT, 500, "steps between two pictures of samples"),
    Setting("checkpoint_every", COUNT, 1000, "steps between two checkpoints"),
    Setting("seed", WHOLE, 0, "seed of the random numbers"),
    Setting(
        "label_smoothing",
        BELOW_ONE,
        0.0,
        "x makes 1 - x the target of real samples; fake ones keep 0 (Salimans et al. 2016)",
        _GAN,
        "bce",
    ),
    Setting(
        "clip",
        POSITIVE,
        0.01,
        "largest magnitude of a weight of the discriminator (Arjovsky et al. 2017)",
        _GAN,
        "wgan",
    ),
    Setting(
        "gradient_penalty",
        POSITIVE,
        10.0,
        "weight of the gradient penalty (Gulrajani et al. 2017)",
        _GAN,
        "wgan_gp",
    ),
    Setting(
        "r1",
        NOT_NEGATIVE,
        0.0,
        "gamma of the R1 penalty, gamma / 2 times the squared gradient at real samples; 0 is off (Mescheder et al. 2018)",
        _GAN,
    ),
    Setting(
        "discriminator_steps",
        COUNT,
        1,
        "steps of the discriminator for each one of the generator",
        _GAN,
        loss_defaults={"wgan": 5, "wgan_gp": 5},
    ),
    Setting(
        "discriminator_lr",
        POSITIVE,
        None,
        "learning rate of the discriminator (two time-scales, Heusel et al. 2017)",
        _GAN,
    ),
    Setting(
        "ema",
        BELOW_ONE,
        0.999,
        "decay per step of the averaged generator that samples are drawn from; 0 is off",
        _GAN,
    ),
    Setting("beta", NOT_NEGATIVE, 1.0, "weight of the KL divergence (Higgins et al. 2017)", _VAE),
    Setting(
        "kl_warmup",
        WHOLE,
        0,
        "steps over which the weight of the KL divergence grows from 0 (Bowman et al. 2016)",
        _VAE,
    ),
    Setting(
        "noise",
        NOT_NEGATIVE,
        0.0,
        "standard deviation of the Gaussian noise on the input (Vincent et al. 2008)",
        _AUTO,
    ),
)

_LOSS, _OPTIMIZER = "loss", "optimizer"
_MEANT = {"epochs": "steps", "lr": "optimizer adam(lr=0.0002)", "learning_rate": "optimizer adam(lr=0.0002)"}


# Reading


def read_training(
    options: tree.Options | None, kind: str, derived: Network | None, names: Names
) -> tuple[Training, list[Diagnostic]]:
    """The training that a `train` statement describes, with the defaults of the kind, and what is wrong with it.

    `derived` is the generator or decoder, None where an earlier problem left it unknown; `names` are the params.
    """
    diagnostics: list[Diagnostic] = []
    given = _given(options, kind, diagnostics)
    default = _default_loss(kind, derived)
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
            reason = "it holds for the whole model"
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
    owners = [owner for setting in SETTINGS if setting.name == option.name for owner in setting.kinds]
    if owners:
        reason = f"it is a setting of the kind {' and '.join(owners)}"
        return problems.NOT_FOR_KIND.at(option.name_span, name=option.name, kind=kind, reason=reason)
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


def _default_loss(kind: str, derived: Network | None) -> Loss:
    return _BCE if kind == "vae" and derived is not None and _interval(derived.body) == UNIT else LOSSES[kind][0]


def _loss(option: tree.Option, kind: str, derived: Network | None, diagnostics: list[Diagnostic]) -> Loss | None:
    """The loss that an option chooses, None where there is none of that name."""
    losses = {loss.name: loss for loss in LOSSES[kind]}
    try:
        loss = losses[word(option, losses)]
    except Problem as problem:
        diagnostics.append(problem.located(option.span))
        return None
    if loss is _BCE and derived is not None and (interval := _interval(derived.body)) != UNIT:
        found = f"lie in {interval}" if interval else "have no such bounds"
        reason = f"the values must lie in {UNIT}; those of this {derived.role} {found}"
        hint = f"end the {derived.role} in a sigmoid (`output sigmoid` in its `mirror`), or use `loss mse`"
        diagnostics.append(
            problems.CONFLICT.at(option.value.span, layer=f"{_LOSS} {loss.name}", reason=reason, hint=hint)
        )
    return loss


def _interval(body: Body) -> str | None:
    """The values that a network gives, where the last layer that makes any bounds them."""
    last = next((layer for layer in _backwards(body) if not (layer and layer.definition.rearranges)), None)
    return last.definition.interval if last else None


def _backwards(body: Body) -> Iterator[Layer | None]:
    """The layers of a chain from its end; None for what is no layer."""
    for item in reversed(body.items):
        if isinstance(item, Body):
            yield from _backwards(item)
        else:
            yield item if isinstance(item, Layer) else None


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
