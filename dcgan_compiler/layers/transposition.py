"""How convolutions are undone: by their transpose, or by upsampling and a convolution."""

from __future__ import annotations

from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Layer, Shape
from dcgan_compiler.layers.definition import Draft, MirrorChoices
from dcgan_compiler.layers.geometry import Window, windows

PARAMETRIZATIONS = ("spectral_norm", "weight_norm")


def kept_parametrization(layer: Layer, choices: MirrorChoices) -> dict[str, Any]:
    """The parametrization of a mirrored layer."""
    keep = choices.spectral_norm == "keep"
    return {name: bool(keep and layer.arguments.get(name)) for name in PARAMETRIZATIONS}


def transposed(layer: Layer, axes: list[Window], **arguments: Any) -> list[Draft]:
    """The transposed convolution from `layer`'s output to exactly `layer`'s input.

    `output_padding = (n + 2p - d(k - 1) - 1) mod s` for a convolution. A window that left elements over beyond its own
    output padding is completed by padding, one that reached beyond its input (`ceil_mode`) by a crop.
    """
    missing = [n - window.spread(o) for n, o, window in zip(layer.in_shape[1:], layer.out_shape[1:], axes, strict=True)]
    draft = Draft(
        "conv_transpose",
        {
            "out_channels": layer.in_shape[0],
            "kernel_size": tuple(window.k for window in axes),
            "stride": tuple(window.s for window in axes),
            "padding": tuple(window.p for window in axes),
            "output_padding": tuple(max(0, extra) for extra in missing),
            "groups": 1,
            "bias": False,
            "dilation": tuple(window.d for window in axes),
            "spectral_norm": False,
            "weight_norm": False,
            **arguments,
        },
    )
    return [draft, *_cropped([(0, max(0, -extra)) for extra in missing])]


def convolved(size: Shape, target: Shape, layer: Layer, channels: int, **arguments: Any) -> list[Draft]:
    """A stride-1 convolution from maps of `size` to maps of exactly `target`, with the kernel and dilation of `layer`.

    The kernel grows by one along an axis where the padding would otherwise be uneven. Where no padding is small enough,
    the map is cropped around its centre.
    """
    kernel, padding, excess = [], [], []
    for n, m, window in zip(size, target, windows(layer.arguments), strict=True):
        k = window.k
        total = m - n + window.d * (k - 1)
        if total % 2 and window.d % 2:
            k, total = k + 1, total + window.d
        kernel.append(k)
        padding.append(max(0, (total + 1) // 2))
        excess.append(2 * padding[-1] - total)
    draft = Draft(
        "conv",
        {
            "out_channels": channels,
            "kernel_size": tuple(kernel),
            "stride": (1,) * len(size),
            "padding": tuple(padding),
            "dilation": layer.arguments["dilation"],
            "padding_mode": "zeros",
            **arguments,
        },
    )
    return [draft, *_cropped([(extra // 2, extra - extra // 2) for extra in excess])]


def _cropped(excess: list[tuple[int, int]]) -> list[Draft]:
    """The crop of what stands over at the start and the end of each axis, if anything does."""
    return [Draft("crop", {"padding": tuple(excess)})] if any(map(any, excess)) else []


def pointwise(channels: int, rank: int) -> Draft:
    """A 1x1 convolution to `channels` on maps with `rank` spatial axes."""
    ones, zeros = (1,) * rank, (0,) * rank
    geometry: dict[str, Any] = {"kernel_size": ones, "stride": ones, "padding": zeros, "dilation": ones, "groups": 1}
    plain: dict[str, Any] = {"bias": True, "padding_mode": "zeros", "spectral_norm": False, "weight_norm": False}
    return Draft("conv", {"out_channels": channels, **geometry, **plain})


def mirror_conv(layer: Layer, choices: MirrorChoices) -> list[Draft]:
    """The mirror of a convolution, as the `upsample` option says."""
    groups: Any = layer.in_shape[0] if layer.name == "depthwise_conv" else layer.arguments["groups"]
    kept = {"groups": groups, "bias": layer.arguments["bias"], **kept_parametrization(layer, choices)}
    axes = windows(layer.arguments)
    channels, *size = layer.in_shape
    arriving, target = layer.out_shape[1:], tuple(size)
    strides = tuple(window.s for window in axes)
    if choices.upsample == "transpose":
        return transposed(layer, axes, **kept)
    if set(strides) == {1}:
        return convolved(arriving, target, layer, channels, **kept)
    if choices.upsample == "pixel_shuffle":
        return _shuffled(layer, strides, kept)
    resize = Draft("upsample", {"size": target, "scale_factor": None, "mode": choices.upsample})
    return [resize, *convolved(target, target, layer, channels, **kept)]


def _shuffled(layer: Layer, strides: Shape, kept: dict[str, Any]) -> list[Draft]:
    """A convolution to the channels that a pixel shuffle spreads over the map, and a crop to the exact size."""
    channels, *target = layer.in_shape
    if len(target) != 2 or len(set(strides)) != 1:
        raise problems.NO_MIRROR.error(
            layer=layer.name,
            reason="a pixel shuffle needs a map of rank 2 and the same stride on both axes",
            hint="use `upsample nearest` or `transpose`, for this line alone with `at label { ... }`",
        )
    factor = strides[0]
    coarse = tuple(-(-n // factor) for n in target)
    drafts = convolved(layer.out_shape[1:], coarse, layer, channels * factor**2, **kept)
    excess = [(0, m * factor - n) for m, n in zip(coarse, target, strict=True)]
    return [*drafts, Draft("pixel_shuffle", {"upscale_factor": factor}), *_cropped(excess)]


def mirror_transpose(layer: Layer, choices: MirrorChoices) -> list[Draft]:
    """A convolution of the same geometry, and a crop where an output padding beyond the stride gave it room."""
    a: Any = layer.arguments
    arguments = {
        "out_channels": layer.in_shape[0],
        **{name: a[name] for name in ("kernel_size", "stride", "padding", "dilation", "groups", "bias")},
        "padding_mode": "zeros",
        **kept_parametrization(layer, choices),
    }
    found = [window.positions(n) for window, n in zip(windows(a), layer.out_shape[1:], strict=True)]
    excess = [(0, m - n) for m, n in zip(found, layer.in_shape[1:], strict=True)]
    return [Draft("conv", arguments), *_cropped(excess)]
