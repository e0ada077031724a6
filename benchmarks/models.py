"""The generated code at work: forward and backward passes against modules written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import reference
import torch
from measure import ROOT, Result, interleaved, milliseconds, ratio
from torch import nn

from dcgan_compiler import load

SEED = 20151119


def results(rounds: int, device: str) -> Iterator[Result]:
    """Every row about generated code."""
    examples = ROOT / "examples"
    generated = load(examples / "dcgan64.dgan")
    ours = _gan_step(generated.Generator(), generated.Discriminator(), device)
    theirs = _gan_step(reference.Generator(), reference.Discriminator(), device)
    yield _compared("generated dcgan64, both halves", ours, theirs, rounds, device)

    trunk = examples / "gallery" / "resnet18.dgan"
    if not trunk.exists():
        yield Result("generated resnet18 trunk", None, 1.02, "x", detail="the example is missing")
        return
    ours = _trunk_step(load(trunk).Encoder(), device)
    theirs = _trunk_step(reference.ResNet18(), device)
    yield _compared("generated resnet18 trunk", ours, theirs, rounds, device)


def _compared(name: str, ours: Callable[[], None], theirs: Callable[[], None], rounds: int, device: str) -> Result:
    mine, other = interleaved([ours, theirs], rounds)
    detail = f"{milliseconds(mine)} / {milliseconds(other)} on {device}"
    measure = f"{name}, forward + backward / by hand"
    return Result(measure, ratio(mine, other), 1.02, "x", detail=detail, raw={"seconds": sum(mine) / len(mine)})


def _gan_step(generator: nn.Module, discriminator: nn.Module, device: str) -> Callable[[], None]:
    """From noise to the gradients of both halves."""
    _check_equal_sizes(generator, reference.Generator())
    _check_equal_sizes(discriminator, reference.Discriminator())
    batch = 256 if device == "cuda" else 16
    noise = torch.randn(batch, 100, generator=torch.Generator().manual_seed(SEED)).to(device)
    generator.to(device)
    discriminator.to(device)

    def step() -> None:
        _without_gradients(generator, discriminator)
        discriminator(generator(noise)).mean().backward()
        _wait(device)

    return step


def _trunk_step(trunk: nn.Module, device: str) -> Callable[[], None]:
    _check_equal_sizes(trunk, reference.ResNet18())
    batch, size = (64, 224) if device == "cuda" else (4, 128)
    image = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(SEED)).to(device)
    trunk.to(device)

    def step() -> None:
        _without_gradients(trunk)
        trunk(image).mean().backward()
        _wait(device)

    return step


def _check_equal_sizes(one: nn.Module, other: nn.Module) -> None:
    assert reference.count(one) == reference.count(other), "the two are not the same network"


def _without_gradients(*modules: nn.Module) -> None:
    for module in modules:
        module.zero_grad(set_to_none=True)


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
