"""The generated code at work: forward and backward passes against modules written by hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from statistics import median

import reference
import torch
from measure import ROOT, Result, interleaved, milliseconds, ratio
from torch import Tensor, nn

from dcgan_compiler import load

SEED = 20151119


def results(rounds: int, device: str) -> Iterator[Result]:
    """Every row about generated code; on the CPU with one thread and by its time, whatever else runs there."""
    torch.set_num_threads(1)
    examples = ROOT / "examples"
    batch = 256 if device == "cuda" else 16
    noise = torch.randn(batch, 100, generator=torch.Generator().manual_seed(SEED))
    generated = load(examples / "dcgan64.dgan")
    ours = nn.Sequential(generated.Generator(), generated.Discriminator())
    theirs = nn.Sequential(reference.Generator(), reference.Discriminator())
    yield _compared("generated dcgan64, both halves", ours, theirs, noise, rounds, device)

    batch, size = (64, 224) if device == "cuda" else (4, 128)
    image = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(SEED))
    ours, theirs = load(examples / "gallery/resnet18.dgan").Encoder(), reference.ResNet18()
    yield _compared("generated resnet18 trunk", ours, theirs, image, rounds, device)


def _compared(name: str, ours: nn.Module, theirs: nn.Module, x: Tensor, rounds: int, device: str) -> Result:
    """Forward and backward of two modules that have the same weights."""
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        mine.data.copy_(other.data)
    clock = time.perf_counter if device == "cuda" else time.process_time
    seconds = interleaved([_step(module.to(device), x.to(device)) for module in (ours, theirs)], 2 * rounds, clock)
    mine, other = seconds
    detail = f"{milliseconds(mine)} / {milliseconds(other)} on {device}"
    raw = {"generated": median(mine), "by hand": median(other)}
    return Result(f"{name}, forward + backward / by hand", ratio(mine, other), 1.02, "x", detail=detail, raw=raw)


def _step(module: nn.Module, x: Tensor) -> Callable[[], None]:
    def step() -> None:
        module.zero_grad(set_to_none=True)
        module(x).mean().backward()
        if x.is_cuda:
            torch.cuda.synchronize()

    return step
