"""How a model is trained: the typed value, and the tables of losses, optimizers and settings (docs/language.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dcgan_compiler.ir import Value
from dcgan_compiler.kinds import KINDS
from dcgan_compiler.layers.definition import COUNT, FLAG, NOT_NEGATIVE, POSITIVE, WHOLE, Check, Parameter


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
    """What is minimised.

    `help` says it, `optimizer` is the one that it is published with, and `interval` is where the values that the
    decoder gives must lie (in the words of `LayerDef.interval`; None for anywhere).
    """

    name: str
    help: str
    optimizer: Optimizer
    interval: str | None = None

    def fits(self, interval: str | None) -> bool:
        """Whether it can be had with a decoder that gives values in an interval, None for any values."""
        return self.interval in (None, interval)


_DCGAN = _usual("adam", lr=2e-4, betas=(0.5, 0.999))  # Radford et al. 2016
_AUTOENCODER = _usual("adam", lr=1e-3)
_BCE = Loss("bce", "binary cross-entropy; the decoder must end in [0, 1]", _AUTOENCODER, "[0, 1]")
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
    "vae": (_BCE, _MSE, _L1),
    "autoencoder": (_MSE, _L1, _BCE),
}
"""The losses of every kind of model; the first that fits is the default."""


@dataclass(frozen=True)
class Setting:
    """One setting of the kinds in `kinds`, or of one of their losses.

    `help` is a sentence without its full stop, with the unit. A `default` of None is the learning rate of the
    optimizer; `loss_defaults` are the defaults of losses that have another. `off_at_zero`: 0 means to do without.
    """

    name: str
    check: Check
    default: Value
    help: str
    kinds: tuple[str, ...] = tuple(KINDS)
    loss: str | None = None
    loss_defaults: Mapping[str, Value] = field(default_factory=dict)
    off_at_zero: bool = False


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
        "real samples have the target 1 minus this, fake ones 0 (Salimans et al. 2016)",
        _GAN,
        "bce",
        off_at_zero=True,
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
        "gamma of the R1 penalty, gamma / 2 times the squared gradient on real samples; 0 is off"
        " (Mescheder et al. 2018)",
        _GAN,
        off_at_zero=True,
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
        off_at_zero=True,
    ),
    Setting("beta", NOT_NEGATIVE, 1.0, "weight of the KL divergence (Higgins et al. 2017)", _VAE),
    Setting(
        "kl_warmup",
        WHOLE,
        0,
        "steps over which the weight of the KL divergence grows from 0 (Bowman et al. 2016)",
        _VAE,
        off_at_zero=True,
    ),
    Setting(
        "noise",
        NOT_NEGATIVE,
        0.0,
        "standard deviation of the Gaussian noise on the input (Vincent et al. 2008)",
        _AUTO,
        off_at_zero=True,
    ),
)
