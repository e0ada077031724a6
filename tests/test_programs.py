"""Random descriptions over the whole language: what is accepted is right on torch, what is refused is explained."""

import re

from hypothesis import HealthCheck, Phase, assume, given, settings
from interpreter import check_on_torch
from programs import programs

from dcgan_compiler.compiler import Compilation, analyse
from dcgan_compiler.diagnostics import render_all
from dcgan_compiler.kinds import KINDS
from dcgan_compiler.layers import VOCABULARY
from dcgan_compiler.source import Source
from dcgan_compiler.training import LOSSES, OPTIMIZERS, SETTINGS

slow_to_draw = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
WORDS = {
    *VOCABULARY,
    *KINDS,
    *"residual skip sum concat branch gate repeat block index in_channels param default init at".split(),
    *"norm activation dropout output upsample unpool spectral_norm width skips tied".split(),
    *(loss.name for losses in LOSSES.values() for loss in losses),
    *OPTIMIZERS,
    *(setting.name for setting in SETTINGS),
    *"classes condition embedding projection auxiliary".split(),
    *"transpose nearest bilinear pixel_shuffle keep drop same none add".split(),
}


def analysed(text: str) -> Compilation:
    return analyse(Source("net.dgan", text))


@settings(slow_to_draw, max_examples=100)
@given(programs(damaged=False))
def test_what_is_accepted_is_right_on_torch(text: str) -> None:
    model = analysed(text).model
    assume(model is not None)
    assert model is not None
    check_on_torch(model)
    assert model.source.in_shape == model.input_shape
    assert model.derived.out_shape == model.input_shape
    assert model.derived.in_shape == (model.source.out_shape if model.latent is None else (model.latent,))


@settings(slow_to_draw, max_examples=200)
@given(programs())
def test_what_is_refused_is_explained(text: str) -> None:
    compilation = analysed(text)
    errors = [diagnostic for diagnostic in compilation.diagnostics if diagnostic.is_error]
    assert (compilation.model is None) == bool(errors)
    for diagnostic in compilation.diagnostics:
        assert diagnostic.message and "None" not in diagnostic.message
        assert diagnostic.span and 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
    assert render_all(compilation.diagnostics) == render_all(analysed(text).diagnostics)
    assert compilation.model == analysed(text).model


def test_the_programs_cover_the_language() -> None:
    """Most are accepted, and every layer, kind and option occurs."""
    seen: set[str] = set()
    accepted: list[bool] = []

    @settings(slow_to_draw, max_examples=500, phases=[Phase.generate], database=None, derandomize=True)
    @given(programs())
    def draw(text: str) -> None:
        accepted.append(analysed(text).model is not None)
        seen.update(re.findall(r"\w+", text))

    draw()
    assert sum(accepted) / len(accepted) > 0.7
    assert seen >= WORDS
