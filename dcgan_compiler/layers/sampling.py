"""Upsampling and pixel shuffles."""

from __future__ import annotations

from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Layer, Shape
from dcgan_compiler.layers.definition import (
    COUNT,
    OPERATOR,
    POSITIVE,
    Draft,
    LayerDef,
    MirrorChoices,
    Module,
    Parameter,
    choice,
    per_axis,
    uniform,
)

_LINEAR = ("linear", "bilinear", "trilinear")


def _expand(in_shape: Shape, a: Any) -> list[Draft] | None:
    """A scale factor as the size that it gives, and a linear mode by its one name."""
    mode = "bilinear" if a["mode"] in _LINEAR else a["mode"]
    if (a["size"] is None) == (a["scale_factor"] is None):
        raise problems.CONFLICT.error(
            layer="upsample",
            reason="give either `size` or `scale_factor`",
            hint="for example `upsample(scale_factor=2)`",
        )
    size = a["size"] or tuple(int(n * f) for n, f in zip(in_shape[1:], a["scale_factor"], strict=True))
    if min(size) < 1:
        raise problems.DOES_NOT_FIT.error(
            layer="upsample", what="scale_factor", arithmetic=f"a size of {size} < 1", hint=None
        )
    return [Draft("upsample", {"size": size, "scale_factor": None, "mode": mode})]


def _upsampled_shape(in_shape: Shape, a: Any) -> Shape:
    return in_shape[0], *a["size"]


def _module(layer: Layer) -> Module:
    old, new = layer.in_shape[1:], layer.out_shape[1:]
    factors = {m // n if m % n == 0 else None for m, n in zip(new, old, strict=True)}
    factor = factors.pop() if len(factors) == 1 else None
    size = ("size", uniform(new))
    mode = (("mode", _LINEAR[len(new) - 1]),) if layer.arguments["mode"] == "bilinear" else ()
    return Module("Upsample", (), (("scale_factor", factor) if factor else size, *mode), general=(size, *mode))


def _mirror_upsample(layer: Layer, choices: MirrorChoices) -> list[Draft]:
    """Means over what each place was spread to."""
    old, new = layer.in_shape[1:], layer.out_shape[1:]
    if old == new:
        return []
    if any(n > m for n, m in zip(old, new, strict=True)):
        return [Draft("upsample", {"size": old, "scale_factor": None, "mode": layer.arguments["mode"]})]
    if any(m % n for n, m in zip(old, new, strict=True)):
        return [Draft("adaptive_avg_pool", {"output_size": old})]
    factor = tuple(m // n for n, m in zip(old, new, strict=True))
    zeros = (0,) * len(old)
    window = {"kernel_size": factor, "stride": factor, "padding": zeros}
    return [Draft("avg_pool", {**window, "ceil_mode": False, "count_include_pad": True})]


def _shuffle_shape(in_shape: Shape, a: Any) -> Shape:
    r = a["upscale_factor"]
    channels, height, width = in_shape
    if channels % r**2:
        raise problems.NOT_DIVISIBLE.error(
            layer="pixel_shuffle",
            what="in_channels",
            divisor_name="upscale_factor^2",
            arithmetic=f"{channels} % {r**2} = {channels % r**2}",
            hint=None,
        )
    return channels // r**2, height * r, width * r


def _unshuffle_shape(in_shape: Shape, a: Any) -> Shape:
    r = a["downscale_factor"]
    channels, height, width = in_shape
    for n in (height, width):
        if n % r:
            raise problems.NOT_DIVISIBLE.error(
                layer="pixel_unshuffle",
                what="the size of the map",
                divisor_name="downscale_factor",
                arithmetic=f"{n} % {r} = {n % r}",
                hint="put `pad` or `crop` before it",
            )
    return channels * r**2, height // r, width // r


LAYERS = (
    LayerDef(
        "upsample",
        OPERATOR,
        summary="resize by nearest neighbour or linear interpolation (linear, bilinear or trilinear by rank)",
        shape_rule="(C, n...) -> (C, size...), or floor(n * scale_factor)",
        mirror_rule="avg_pool, or adaptive_avg_pool where the factor is not whole",
        parameters=(
            Parameter("size", per_axis(COUNT), None),
            Parameter("scale_factor", per_axis(POSITIVE), None),
            Parameter("mode", choice("nearest", *_LINEAR), "nearest"),
        ),
        ranks=(1, 2, 3),
        infer=_upsampled_shape,
        module=_module,
        mirror=_mirror_upsample,
        expand=_expand,
    ),
    LayerDef(
        "pixel_shuffle",
        OPERATOR,
        summary="channels to space (Shi et al. 2016)",
        shape_rule="(C * r^2, H, W) -> (C, H * r, W * r)",
        mirror_rule="pixel_unshuffle",
        parameters=(Parameter("upscale_factor", COUNT),),
        ranks=(2,),
        infer=_shuffle_shape,
        module=lambda layer: Module("PixelShuffle", (layer.arguments["upscale_factor"],)),
        mirror=lambda layer, choices: [
            Draft("pixel_unshuffle", {"downscale_factor": layer.arguments["upscale_factor"]})
        ],
        rearranges=True,
    ),
    LayerDef(
        "pixel_unshuffle",
        OPERATOR,
        summary="space to channels",
        shape_rule="(C, H * r, W * r) -> (C * r^2, H, W)",
        mirror_rule="pixel_shuffle",
        parameters=(Parameter("downscale_factor", COUNT),),
        ranks=(2,),
        infer=_unshuffle_shape,
        module=lambda layer: Module("PixelUnshuffle", (layer.arguments["downscale_factor"],)),
        mirror=lambda layer, choices: [Draft("pixel_shuffle", {"upscale_factor": layer.arguments["downscale_factor"]})],
        rearranges=True,
    ),
)
