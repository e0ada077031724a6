"""Training scripts as live modules and as processes, for the tests."""

import argparse
import importlib
import itertools
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from dcgan_compiler.codegen import generate, generate_script
from dcgan_compiler.codegen.plan import plan
from dcgan_compiler.codegen.render import render
from dcgan_compiler.codegen.script import script
from dcgan_compiler.compiler import analyse
from dcgan_compiler.diagnostics import render_all
from dcgan_compiler.ir import Model
from dcgan_compiler.source import Source

_numbers = itertools.count()

HALVES = {"gan": "discriminator", "vae": "encoder", "autoencoder": "encoder"}
IMAGE_BODY = "conv(4, kernel_size=4, stride=2, padding=1{bias}) -> {norm}leaky_relu(0.2)"


def image_net(kind: str, *statements: str, channels: int = 1, norm: str = "", train: str = "") -> str:
    """A tiny model of 8x8 images, which the derived half ends in [-1, 1] for a gan and in [0, 1] for the others."""
    head = "\nflatten -> linear(1)" if kind == "gan" else ""
    mirror = "" if norm or kind != "gan" else "generator mirror { norm none }"
    body = IMAGE_BODY.format(bias=", bias=false" if norm else "", norm=f"{norm} -> " if norm else "")
    lines = (
        f"{kind} Tiny {{",
        f"input ({channels}, 8, 8)",
        "latent 3",
        *statements,
        f"{HALVES[kind]} {{ {body}{head}\n}}",
        mirror,
        f"train {{ batch_size 6; {train} }}",
        "}",
    )
    return "\n".join(lines)


def model_of(text: str) -> Model:
    """The typed model of a description."""
    analysed = analyse(Source("net.dgan", text))
    assert analysed.model is not None, render_all(analysed.diagnostics)
    return analysed.model


def write(text: str, folder: Path) -> Model:
    """Write `model.py` and `train.py` for a description into a folder; returns the typed model."""
    model = model_of(text)
    (folder / "model.py").write_text(generate(model), encoding="utf-8")
    (folder / "train.py").write_text(generate_script(model, "model", "train.py"), encoding="utf-8")
    return model


def live(text: str, folder: Path) -> Any:
    """The training script of a description as a module, under a name that no other has.

    It is not formatted, which would take most of the time.
    """
    model = model_of(text)
    code, training = f"live_{next(_numbers)}", f"live_{next(_numbers)}"
    (folder / f"{code}.py").write_text(render("model.py.j2", plan(model)), encoding="utf-8")
    (folder / f"{training}.py").write_text(script(model, code, f"{training}.py"), encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        importlib.invalidate_caches()
        return importlib.import_module(training)
    finally:
        sys.path.remove(str(folder))


def options_of(made: Any, *arguments: str) -> argparse.Namespace:
    """The options of a run on the CPU as the script has them once training starts."""
    options: argparse.Namespace = made.training_options(["--data", "none", *arguments])
    options.precision = options.precision or "float32"
    return options


def trainer_of(made: Any, *arguments: str) -> Any:
    """The trainer of a script, in one process on the CPU."""
    return made.Trainer(options_of(made, *arguments), made.Process(torch.device("cpu")))


# Processes


class Forked:
    """A call of `main` in a process of its own, which is spared to import torch again; `log` takes all that it prints.

    Its exit status is `status`, minus the number of the signal that ended it, as for `subprocess`.
    """

    def __init__(self, made: ModuleType, arguments: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log = log
        self.process = os.fork()
        if self.process == 0:
            _become(made, arguments, log, environment)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        os.kill(self.process, number)

    def wait(self) -> int:
        """Wait for its end; returns the exit status."""
        _, status = os.waitpid(self.process, 0)
        return os.waitstatus_to_exitcode(status)

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self.log.read_text(encoding="utf-8")


def _become(made: Any, arguments: list[str], log: Path, environment: Mapping[str, str]) -> None:
    """Run a script in this process and end it, whatever happens."""
    status = 70
    try:
        os.setsid()
        os.environ.update(environment)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        file = log.open("w", encoding="utf-8", buffering=1)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
        sys.stdout = sys.stderr = file
        status = made.main(arguments)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def fork(made: ModuleType, arguments: list[str], log: Path, **environment: str) -> Forked:
    """Start a run of a script in the background; the files of the arguments are meant from the current folder."""
    return Forked(made, arguments, log, environment)
