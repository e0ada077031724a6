"""The generated training script at work: its step against the DCGAN example of PyTorch, and how it loads images."""

from __future__ import annotations

import contextlib
import csv
import importlib
import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch
from dcgan_example import LATENT, Example
from measure import ROOT, Result, interleaved, milliseconds, program, ratio, spread
from PIL import Image
from torch import Tensor

SEED = 20151119
COMPARED_STEPS, COMPARED_BATCH = 20, 4
LOADED_BATCHES = 16
OFF = ("--precision", "float32", "--no-channels-last", "--ema", "0")
DEFAULTS = ()
FASTEST = ("--precision", "bfloat16", "--compile")

Script = Any  # the module that was generated
Job = Callable[[], dict[str, Tensor]]


def results(rounds: int, device: str) -> Iterator[Result]:
    """Every row about training; on the CPU with one thread and by its time, whatever else runs there."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        script = _generated(Path(folder))
        yield _same_losses(script, device)
        yield from _steps(script, rounds, device)
        yield from _loading(script, Path(folder))
        yield _idle(Path(folder), rounds, device)


def _generated(folder: Path) -> Script:
    """The training script of dcgan64, imported; `train.py` and its model stay in the folder."""
    compiling = (sys.executable, "-m", "dcgan_compiler", "compile", ROOT / "examples/dcgan64.dgan", "--quiet")
    program(*compiling, "-o", folder / "dcgan64.py", "--train", folder / "train.py")()
    sys.path.insert(0, str(folder))
    return importlib.import_module("train")


# Steps


class Ours:
    """The trainer of the script with some of its options, and what its steps are given."""

    def __init__(self, script: Script, arguments: tuple[str, ...], batch: int, device: str) -> None:
        given = ["--data", "-", "--batch-size", str(batch), "--device", device, *arguments]
        self.options = script.training_options(given)
        self.process = script.Process(torch.device(device))
        self.options.precision = self.options.precision or script.default_precision(self.process.device)
        self.trainer = script.Trainer(self.options, self.process)
        self.real, self.number = _images(batch, device), 0

    def __call__(self) -> dict[str, Tensor]:
        self.number += 1
        losses: dict[str, Tensor] = self.trainer.step([(self.real, torch.empty(0))], self.number)
        return losses


def _images(batch: int, device: str) -> Tensor:
    return (torch.rand(batch, 3, 64, 64, generator=torch.Generator().manual_seed(SEED)) * 2 - 1).to(device)


def _same_losses(script: Script, device: str) -> Result:
    """How far the losses of the first steps are apart, from the same weights, images and noise.

    In float64, which shows whether the same is computed. In float32 two runs part within a few steps whatever trains
    them: Adam's first updates are the learning rate in the direction of a gradient's sign, also where that gradient is
    all rounding. How far the example then parts from itself, after a change of its weights by 1e-7, is told beside it.
    """
    apart, _ = _largest_differences(script, device, torch.float64)
    rounded, itself = _largest_differences(script, device, torch.float32)
    detail = f"float64; in float32 {rounded:.2g}, and {itself:.2g} between two runs of the example, on {device}"
    measure = f"train dcgan64, {COMPARED_STEPS} steps, losses / PyTorch's example, apart"
    return Result(measure, apart, 1e-4, "", detail=detail, raw={"float32": rounded, "example itself": itself})


def _largest_differences(script: Script, device: str, dtype: torch.dtype) -> tuple[float, float]:
    """The largest differences of a loss: of the script from the example, and of the example from one disturbed."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    ours = Ours(script, OFF, COMPARED_BATCH, device)
    theirs, disturbed = (_example_like(ours.trainer, device) for _ in range(2))
    for parameter in disturbed.generator.parameters():
        parameter.data *= 1 + 1e-7
    apart = itself = 0.0
    for number in range(1, COMPARED_STEPS + 1):
        noise = ours.trainer.draw(COMPARED_BATCH, script.seeded(ours.options.seed, number))
        expected, other = theirs.step(ours.real, noise), disturbed.step(ours.real, noise)
        for name, loss in ours().items():
            apart = max(apart, abs(loss.item() - expected[name]))
            itself = max(itself, abs(other[name] - expected[name]))
    torch.set_default_dtype(before)
    return apart, itself


def _example_like(trainer: Any, device: str) -> Example:
    """The example with the weights of a trainer."""
    example = Example(torch.device(device))
    for name in ("generator", "discriminator"):
        network, state = getattr(example, name), getattr(trainer, name).state_dict()
        network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)))
    return example


def _steps(script: Script, rounds: int, device: str) -> Iterator[Result]:
    """The speed of a step as a multiple of the example's, at the batch size of the script or, on a GPU, of 256."""
    batch = 256 if device == "cuda" else 64
    rows = [("options off", OFF, 1.0), ("defaults", DEFAULTS, 1.2)]
    if device == "cuda":
        rows.append((" ".join(FASTEST), FASTEST, 3.0))
    example, real = Example(torch.device(device)), _images(batch, device)

    def theirs() -> None:
        example.step(real, torch.randn(batch, LATENT, device=device))

    jobs = [theirs, *(_finished(Ours(script, arguments, batch, device)) for _, arguments, _ in rows)]
    clock = time.perf_counter if device == "cuda" else time.process_time
    peer, *seconds = interleaved(jobs, rounds, clock)
    for (name, _, target), mine in zip(rows, seconds, strict=True):
        detail = f"{spread(peer, mine)}, {milliseconds(peer)} / {milliseconds(mine)}"
        detail += f", {batch / median(mine):,.0f} images/s on {device}"
        raw = {"generated": median(mine), "example": median(peer)}
        measure = f"train dcgan64, speed with {name} / PyTorch's example"
        yield Result(measure, ratio(peer, mine), target, "x", at_most=False, detail=detail, raw=raw)


def _finished(job: Job) -> Callable[[], None]:
    """A job that waits until the device has done it."""

    def run() -> None:
        losses = job()
        if losses["generator"].is_cuda:
            torch.cuda.synchronize()

    return run


# Data


def _loading(script: Script, folder: Path) -> Iterator[Result]:
    """Images that the loader of the script gives in a second of the clock, with its default of workers."""
    for extension, side, target in (("png", 32, 2000), ("png", 64, 2000), ("jpg", 512, 200)):
        place = _pictures(folder / f"{extension}{side}", extension, side)
        process = script.Process(torch.device("cpu"))
        options = script.training_options(["--data", str(place)])
        with contextlib.redirect_stderr(io.StringIO()):  # it tells how many images there are
            data = script.open_data(str(place), process)
        batches = script.loader(data, options, 0, process)
        for _ in range(1 + options.workers * 4):  # what the workers have fetched ahead when the clock starts
            next(batches)
        start = time.perf_counter()
        for _ in range(LOADED_BATCHES):
            next(batches)
        rate = LOADED_BATCHES * options.batch_size / (time.perf_counter() - start)
        detail = f"{options.workers} workers, resized to 64x64"
        measure = f"load {side}x{side} {extension} for training"
        yield Result(measure, rate, target, "/s", at_most=False, detail=detail)


def _idle(folder: Path, rounds: int, device: str) -> Result:
    """The share of its time that the script, run as a user would, waits for images."""
    place = _pictures(folder / "png64", "png", 64)
    out, steps = folder / "run", 10 * (1 + (rounds + 4) // 5)
    arguments = ("--data", place, "--out", out, "--steps", steps, "--device", device)
    program(sys.executable, folder / "train.py", *arguments)()
    with (out / "metrics.csv").open(newline="", encoding="utf-8") as file:
        first, *rows = csv.DictReader(file)
    shares = [float(row["waiting"]) for row in rows]
    rate = median(float(row["per_second"]) for row in rows)
    detail = f"most {max(shares):.3f}, first 10 steps {first['waiting']}, {rate:,.0f} images/s on {device}"
    measure = "train dcgan64 on 64x64 png, share of the time spent waiting for data"
    return Result(measure, median(shares), 0.05, "", detail=detail)


def _pictures(folder: Path, extension: str, side: int) -> Path:
    """A folder of 512 smooth random pictures with a little noise, which compress about as photographs do."""
    if folder.exists():
        return folder
    folder.mkdir()
    draws = torch.Generator().manual_seed(SEED)
    for number in range(512):
        coarse = torch.rand(1, 3, 8, 8, generator=draws)
        smooth = torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic")[0]
        noisy = smooth + 0.02 * torch.randn(smooth.shape, generator=draws)
        pixels = (noisy.clamp(0, 1) * 255).byte().permute(1, 2, 0).contiguous().numpy()
        Image.fromarray(pixels).save(folder / f"{number}.{extension}")
    return folder
