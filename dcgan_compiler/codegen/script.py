"""The plan of a training script: what of it a model needs, taken before the templates of `train/` lay it out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dcgan_compiler.codegen.expression import literal
from dcgan_compiler.codegen.plan import NOUNS, origin, safe_name
from dcgan_compiler.codegen.render import render
from dcgan_compiler.ir import Model, Value
from dcgan_compiler.kinds import AUXILIARY
from dcgan_compiler.layers.definition import COUNT, NORM, NOT_NEGATIVE, POSITIVE, WHOLE, Check
from dcgan_compiler.policy import NONE
from dcgan_compiler.training import BELOW_ONE, BETAS, OPTIMIZERS, SETTINGS, Training

_IMAGE_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_OPTIMIZER_CLASSES = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD", "rmsprop": "RMSprop"}
_TYPES: dict[Check, str] = {
    COUNT: "at_least(1)",
    WHOLE: "at_least(0)",
    NOT_NEGATIVE: "at_least(0.0)",
    POSITIVE: "at_least(0.0)",
    BELOW_ONE: "at_least(0.0, 1.0)",
    BETAS: "at_least(0.0, 1.0)",
}
_MAX_COLUMNS = 16
_OPTIMIZER_HELP = {
    "lr": "learning rate",
    "betas": "decay of the two moments of Adam",
    "momentum": "momentum of the optimizer",
    "weight_decay": "weight decay of the optimizer",
}
_LOSSES = {
    "gan": ("discriminator", "generator"),
    "vae": ("loss", "reconstruction", "divergence"),
    "autoencoder": ("loss",),
}
_COMMANDS = {
    "gan": ("sample", "interpolate", "evaluate"),
    "vae": ("sample", "interpolate", "evaluate"),
    "autoencoder": ("reconstruct", "interpolate", "evaluate"),
}
_SAMPLERS = {"gan": "Generator", "vae": "VAE", "autoencoder": "Autoencoder"}
_PICTURES = {"gan": ("samples",), "vae": ("samples", "reconstructions"), "autoencoder": ("reconstructions",)}


@dataclass(frozen=True)
class ScriptPlan:
    """What the templates know as `file`. `rank` counts the spatial axes; `signed` says that values lie in [-1, 1]."""

    kind: str
    name: str
    noun: str
    shape: str
    rank: int
    image_mode: str
    signed: bool
    bounded: bool
    batch_norm: bool
    skips: bool
    training: Training
    purpose: str
    run_name: str
    settings: Mapping[str, str]
    optimizer: str
    optimizer_arguments: tuple[str, ...]
    classes: int | None
    condition: str | None

    def has(self, setting: str) -> bool:
        """Whether a setting is there and switches something on."""
        return bool(self.training.settings.get(setting))

    @property
    def loss(self) -> str:
        """The name of the loss."""
        return self.training.loss

    @property
    def differentiates_twice(self) -> bool:
        """Whether a penalty on the gradient of the discriminator is part of the loss."""
        return self.loss == "wgan_gp" or self.has("r1")

    @property
    def losses(self) -> tuple[str, ...]:
        """The names of what a step reports."""
        return _LOSSES[self.kind]

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands besides `train`."""
        return tuple(name for name in _COMMANDS[self.kind] if name != "interpolate" or not self.skips)

    @property
    def picture_folders(self) -> tuple[str, ...]:
        """The folders of pictures that a run fills."""
        return _PICTURES[self.kind]

    @property
    def sampler(self) -> str:
        """The part of a checkpoint that is used after training."""
        return "generator" if self.kind == "gan" else "model"

    @property
    def sampler_class(self) -> str:
        """The class of that part."""
        return _SAMPLERS[self.kind]

    @property
    def sampler_state(self) -> str:
        """The weights of that part, as an expression."""
        averaged = "average" if self.has("ema") else self.sampler
        return f"trainer.{averaged}.state_dict()"

    @property
    def channels_last(self) -> bool:
        """Whether torch has such a memory format for the samples."""
        return self.rank >= 2

    @property
    def columns(self) -> int:
        """The columns of a grid of samples: one or more for each class, if they are few."""
        classes = self.classes or 1
        return classes * max(1, 8 // classes) if classes <= _MAX_COLUMNS else 8

    @property
    def interval(self) -> str:
        """The values that a sample has."""
        return "[-1, 1]" if self.signed else "[0, 1]"

    @property
    def data_help(self) -> str:
        """What `--data` may be."""
        folder = "a folder of images, " if self.image_mode else ""
        return f"{folder}an .npy or .npz file, or module:factory for a data set of your own"

    @property
    def pictures_arguments(self) -> str:
        """What the trainer needs to draw pictures."""
        return "" if self.kind == "gan" else "originals, label" if self.classes else "originals"

    @property
    def smoothing(self) -> str:
        """The further argument of the loss of a discriminator."""
        return ", self.options.label_smoothing" if self.has("label_smoothing") else ""

    @property
    def discriminator_takes_label(self) -> bool:
        """Whether the discriminator is told the class, rather than guessing it."""
        return self.classes is not None and self.condition != AUXILIARY


def plan_script(model: Model) -> ScriptPlan:
    """The plan of the training script for a model."""
    training = model.training
    noun = NOUNS[len(model.input_shape) - 1]
    interval = model.derived.interval
    rank = len(model.input_shape) - 1
    every = [*model.source.layers, *model.derived.layers]
    condition = model.condition
    return ScriptPlan(
        kind=model.kind,
        name=model.name,
        noun=noun,
        shape=literal(model.input_shape),
        rank=rank,
        image_mode=_IMAGE_MODES.get(model.input_shape[0], "") if rank == 2 else "",
        signed=interval != "[0, 1]",
        bounded=interval is not None,
        skips=model.policy is not None and model.policy.skips != NONE,
        batch_norm=any(layer.definition.weights == NORM for layer in every),
        training=training,
        purpose=f"Train {model.name} on {noun}s.",
        run_name=model.name.lower(),
        settings=dict(_settings(training)),
        optimizer=_OPTIMIZER_CLASSES[training.optimizer.name],
        optimizer_arguments=tuple(_optimizer_arguments(training)),
        classes=condition.classes if condition else None,
        condition=condition.method if condition else None,
    )


def _settings(training: Training) -> Iterator[tuple[str, str]]:
    """The settings that the script offers as options, by name: what switches nothing on has none."""
    for setting in SETTINGS:
        value = training.settings.get(setting.name)
        if value or (value is not None and not setting.off_at_zero):
            yield setting.name, _entry(setting.check, value, setting.help.partition(";")[0])
        if setting.name == "batch_size":
            yield from _optimizer_settings(training)


def _optimizer_settings(training: Training) -> Iterator[tuple[str, str]]:
    optimizer = training.optimizer
    for parameter in OPTIMIZERS[optimizer.name].parameters:
        if parameter.name in _OPTIMIZER_HELP:
            value = optimizer.arguments[parameter.name]
            yield parameter.name, _entry(parameter.check, value, _OPTIMIZER_HELP[parameter.name])


def _entry(check: Check, default: Value, meaning: str) -> str:
    written = f"[{', '.join(map(literal, default))}]" if isinstance(default, tuple) else literal(default)
    return f'({_TYPES[check]}, {written}, "{meaning}")'


def _optimizer_arguments(training: Training) -> Iterator[str]:
    """The arguments of the optimizer besides the learning rate: options, or numbers that differ from torch's."""
    optimizer = training.optimizer
    for parameter in OPTIMIZERS[optimizer.name].parameters:
        value = optimizer.arguments[parameter.name]
        if parameter.name in _OPTIMIZER_HELP and parameter.name != "lr":
            given = f"options.{parameter.name}"
            yield f"{parameter.name}={f'tuple({given})' if isinstance(value, tuple) else given}"
        elif parameter.name != "lr" and value != parameter.default:
            yield f"{parameter.name}={literal(value)}"
    if optimizer.name != "rmsprop":
        yield "fused=True"


# The whole file


def script(model: Model, module: str, name: str) -> str:
    """The source of the training script, still to be formatted.

    `module` is the module of the generated classes, `name` the file name of the script.
    """
    plan = plan_script(model)
    body = render("train/script.py.j2", plan)
    return f'"""{_docstring(model, name, plan)}"""\n\n{_imports(body, module, plan.noun)}\n\n{body}'


def _docstring(model: Model, name: str, plan: ScriptPlan) -> str:
    name = safe_name(name)
    data = "photos/" if plan.image_mode else "data.npy"
    usage = (
        f"python {name} --data {data} --out runs/first",
        f"torchrun --nproc-per-node 8 {name} --data {data} --out runs/first",
        f"python {name} {plan.commands[0]} --checkpoint runs/first/checkpoint.pt",
    )
    lines = "\n".join(f"    {line}" for line in usage)
    return f"{plan.purpose}\n\n{lines}\n\n{origin(model)}\nIt is yours to edit: dcganc keeps a file that was changed.\n"


# Imports

_STANDARD = (
    "argparse",
    "copy",
    "csv",
    "importlib",
    "itertools",
    "math",
    "os",
    "pickle",
    "random",
    "signal",
    "sys",
    "time",
    "tokenize",
    "zipfile",
    "zlib",
)
_FROM = (
    ("collections.abc", ("Callable", "Iterator", "Sequence")),
    ("concurrent.futures", ("ThreadPoolExecutor",)),
    ("dataclasses", ("dataclass",)),
    ("pathlib", ("Path",)),
    ("typing", ("Any", "TypeVar")),
)
_THIRD_PARTY = (
    ("PIL", ("Image", "ImageDraw", "ImageOps")),
    ("torch", ("Tensor", "nn")),
    ("torch.nn", ("functional",)),
    ("torch.nn.parallel", ("DistributedDataParallel",)),
    ("torch.utils.data", ("DataLoader", "Dataset", "Sampler")),
)


def _imports(body: str, module: str, noun: str) -> str:
    """The import statements that the body of a script needs, in isort's order."""
    used = {node.id for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Name)}
    classes = ("Autoencoder", "Discriminator", "Generator")
    constants = sorted(
        ("LATENT_DIM", "NUM_CLASSES", "VAE", f"{noun.upper()}_SHAPE")
    )  # to isort what is in capitals is one
    groups = (
        [*(f"import {name}" for name in _STANDARD if name in used), *_from_imports(_FROM, used)],
        [
            "import numpy",
            "import torch",
            "import torch.distributed as dist",
            *_from_imports(_THIRD_PARTY, used),
        ],
        [*_from_imports(((module, (*constants, *classes)),), used)],
    )
    return "\n\n".join("\n".join(group) for group in groups)


def _from_imports(known: tuple[tuple[str, tuple[str, ...]], ...], used: set[str]) -> Iterator[str]:
    for module, names in known:
        wanted = [name for name in names if name in used]
        if wanted:
            yield f"from {module} import {', '.join(wanted)}"
