"""Generated source as live classes, for the tests."""

import inspect
from pathlib import Path
from types import ModuleType

import torch
from torch import Tensor, nn

from dcgan_compiler.compiler import compile_text
from dcgan_compiler.diagnostics import render_all
from dcgan_compiler.ir import Model

EXAMPLES = sorted(
    path
    for path in (Path(__file__).parents[1] / "examples").rglob("*")
    if path.suffix in (".dgan", ".json") and path.parent.name in ("examples", "gallery", "digits")
)


def module(code: str, name: str = "generated") -> ModuleType:
    """The module that some source defines."""
    made = ModuleType(name)
    exec(compile(code, f"<{name}>", "exec"), made.__dict__)
    return made


def compiled(text: str) -> tuple[Model, ModuleType]:
    """The typed model of a description, and its generated module."""
    compilation = compile_text(text)
    assert compilation.model is not None and compilation.code is not None, render_all(compilation.diagnostics)
    return compilation.model, module(compilation.code, compilation.model.name)


def halves(model: Model, made: ModuleType) -> tuple[nn.Module, nn.Module]:
    """The two halves as modules; those of an autoencoder with tied weights share them."""
    if model.kind == "gan":
        return made.Discriminator(), made.Generator()
    whole = made.VAE() if model.kind == "vae" else made.Autoencoder()
    return whole.encoder, whole.decoder


def label(half: nn.Module, model: Model, batch: Tensor) -> list[Tensor]:
    """The classes of a batch, if the half takes them."""
    if "label" not in inspect.signature(half.forward).parameters:
        return []
    assert model.condition is not None
    return [torch.arange(len(batch), device=batch.device) % model.condition.classes]


def run(model: Model, source: nn.Module, derived: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
    """What the described half makes of a batch, and what the derived half makes of a code."""
    encoded = source(batch, *label(source, model, batch))
    if model.kind == "gan":
        score = encoded[0] if isinstance(encoded, tuple) else encoded
        noise = torch.randn(len(batch), *model.derived.in_shape, device=batch.device)
        return score, derived(noise, *label(derived, model, batch))
    if model.kind == "vae":
        mean, log_variance = encoded
        assert mean.shape == log_variance.shape
        return mean, derived(mean, *label(derived, model, batch))
    if isinstance(encoded, tuple):
        code, skips = encoded
        return code, derived(code, skips)
    return encoded, derived(encoded)


# Judging


def check_counts(model: Model, source: nn.Module, derived: nn.Module) -> None:
    """Parameter counts equal those of the typed model."""
    for network, module in ((model.source, source), (model.derived, derived)):
        assert sum(parameter.numel() for parameter in module.parameters()) == network.parameters


def check_on_meta(model: Model, made: ModuleType) -> None:
    """Both halves have the inferred shapes and counts of parameters, found without computing anything."""
    with torch.device("meta"):
        source, derived = halves(model, made)
        check_counts(model, source, derived)
        code, output = run(model, source, derived, torch.empty(4, *model.input_shape))
    assert output.shape[1:] == model.input_shape
    assert code.shape[1:] == model.source.out_shape


def check_gradients(model: Model, made: ModuleType) -> bool:
    """Every parameter gets a gradient from one forward and backward pass; False where there is no parameter."""
    torch.manual_seed(0)
    source, derived = halves(model, made)
    if not any(True for half in (source, derived) for _ in half.parameters()):
        return False
    batch = torch.rand(4, *model.input_shape)
    encoded = source(batch, *label(source, model, batch))
    if model.kind == "vae":
        (sum(head.sum() for head in encoded) + derived(encoded[0], *label(derived, model, batch)).sum()).backward()
    elif model.kind == "gan":
        drawn = derived(torch.randn(4, *model.derived.in_shape), *label(derived, model, batch))
        scores = source(drawn, *label(source, model, batch))
        sum(one.sum() for one in (scores if isinstance(scores, tuple) else (scores,))).backward()
    else:
        (derived(*encoded) if isinstance(encoded, tuple) else derived(encoded)).sum().backward()
    missing = [name for half in (source, derived) for name, p in half.named_parameters() if p.grad is None]
    assert not missing, missing
    return True
