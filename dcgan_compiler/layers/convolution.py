"""Convolutions, and how they are transposed."""

from __future__ import annotations

from math import prod
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Arguments, Layer, Shape
from dcgan_compiler.layers.definition import (
    COUNT,
    FLAG,
    OPERATOR,
    WHOLE,
    Draft,
    LayerDef,
    MirrorChoices,
    Module,
    Parameter,
    choice,
    common_divisors,
    either,
    keywords,
    per_axis,
)
from dcgan_compiler.layers.geometry import Window, check_fits, same_padding, windows

_PARAMETRIZATIONS = ("spectral_norm", "weight_norm")
_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
_KERNEL = Parameter("kernel_size", per_axis(COUNT))
_STRIDE = Parameter("stride", per_axis(COUNT), 1)
_PADDING = Parameter("padding", either(per_axis(WHOLE), choice("same", "valid")), 0)
_DILATION = Parameter("dilation", per_axis(COUNT), 1)
_GROUPING = Parameter("groups", COUNT, 1)
_BIAS = Parameter("bias", FLAG, True)
_MODE = Parameter("padding_mode", choice(*_PADDING_MODES), "zeros")
PARAMETRIZED = tuple(Parameter(name, FLAG, False) for name in _PARAMETRIZATIONS)


def wrapper(layer: Layer) -> str | None:
    """The parametrization of a layer's weight."""
    return next((name for name in _PARAMETRIZATIONS if layer.arguments.get(name)), None)


def check_parametrization(name: str, a: Arguments) -> None:
    """Raise `Problem` for two parametrizations at once."""
    if a["spectral_norm"] and a["weight_norm"]:
        raise problems.CONFLICT.error(
            layer=name, reason="spectral_norm and weight_norm exclude each other", hint="keep one of them"
        )


def norm_gains(a: Arguments, rows: int) -> int:
    """The extra parameters of weight normalisation: one gain for each row of the weight."""
    return rows if a["weight_norm"] else 0


def kept_parametrization(layer: Layer, choices: MirrorChoices) -> dict[str, Any]:
    """The parametrization of a mirrored layer."""
    keep = choices.spectral_norm == "keep"
    return {name: bool(keep and layer.arguments.get(name)) for name in _PARAMETRIZATIONS}


# Shapes


def _check_groups(name: str, channels: int, out_channels: int, groups: int) -> None:
    for what, count in (("in_channels", channels), ("out_channels", out_channels)):
        if count % groups:
            raise problems.NOT_DIVISIBLE.error(
                layer=name,
                what=what,
                divisor_name="groups",
                arithmetic=f"{count} % {groups} = {count % groups}",
                hint=f"groups can be {common_divisors(channels, out_channels)}",
            )


def _check_padding_mode(name: str, mode: Any, spatial: Shape, padding: Any) -> None:
    limits = {"reflect": lambda n: n - 1, "circular": lambda n: n}
    for n, p in zip(spatial, padding, strict=True):
        if mode in limits and p > limits[mode](n):
            raise problems.DOES_NOT_FIT.error(
                layer=name, what=f"{mode} padding", arithmetic=f"padding {p} > {limits[mode](n)}, size {n}", hint=None
            )


def _conv_shape(in_shape: Shape, a: Any) -> Shape:
    _check_groups("conv", in_shape[0], a["out_channels"], a["groups"])
    check_parametrization("conv", a)
    return (a["out_channels"], *_places("conv", in_shape[1:], a))


def _depthwise_shape(in_shape: Shape, a: Any) -> Shape:
    return (in_shape[0] * a["multiplier"], *_places("depthwise_conv", in_shape[1:], a))


def _places(name: str, spatial: Shape, a: Any) -> Shape:
    _check_padding_mode(name, a["padding_mode"], spatial, a["padding"])
    axes = windows(a)
    for window, n in zip(axes, spatial, strict=True):
        check_fits(name, window, n)
    return tuple(window.positions(n) for window, n in zip(axes, spatial, strict=True))


def _transpose_shape(in_shape: Shape, a: Any) -> Shape:
    _check_groups("conv_transpose", in_shape[0], a["out_channels"], a["groups"])
    check_parametrization("conv_transpose", a)
    sizes = []
    for o, window, extra in zip(in_shape[1:], windows(a), a["output_padding"], strict=True):
        k, s, p, d = window
        if extra >= max(s, d):
            raise problems.DOES_NOT_FIT.error(
                layer="conv_transpose",
                what=f"output_padding {extra}",
                arithmetic=f"it must be smaller than stride {s} or dilation {d}",
                hint=None,
            )
        size = window.spread(o) + extra
        if size < 1:
            raise problems.DOES_NOT_FIT.error(
                layer="conv_transpose",
                what=f"padding {p}",
                arithmetic=f"({o} - 1)*{s} - 2*{p} + {d}*({k} - 1) + {extra} + 1 = {size} < 1",
                hint=None,
            )
        sizes.append(size)
    return (a["out_channels"], *sizes)


def _expand_same(name: str) -> Any:
    """`padding="same"` as numbers: the even part in the convolution, an odd remainder in a pad before it."""

    def expand(in_shape: Shape, a: Any) -> list[Draft] | None:
        if not isinstance(a["padding"], str):
            return None
        rank = len(in_shape) - 1
        if a["padding"] == "valid":
            return [Draft(name, {**a, "padding": (0,) * rank})]
        axes = windows({**a, "padding": (0,) * rank})
        pairs = [same_padding(n, window) for n, window in zip(in_shape[1:], axes, strict=True)]
        if all(before == after for before, after in pairs):
            return [Draft(name, {**a, "padding": tuple(before for before, _ in pairs)})]
        if a["padding_mode"] == "circular":
            raise problems.CONFLICT.error(
                layer=name, reason="circular padding must be the same on both sides", hint="use an odd kernel_size"
            )
        if a["padding_mode"] != "zeros":
            bare = {**a, "padding": (0,) * rank, "padding_mode": "zeros"}
            return [Draft("pad", {"padding": tuple(pairs), "mode": a["padding_mode"]}), Draft(name, bare)]
        uneven = tuple((0, after - before) for before, after in pairs)
        even = tuple(before for before, _ in pairs)
        return [Draft("pad", {"padding": uneven, "mode": "zeros"}), Draft(name, {**a, "padding": even})]

    return expand


# Torch


def _conv_module(layer: Layer) -> Module:
    groups = layer.in_shape[0] if layer.name == "depthwise_conv" else layer.arguments["groups"]
    names = ("kernel_size", "stride", "padding", "dilation")
    written = keywords(layer, *names, always="kernel_size")
    if groups != 1:
        written += (("groups", groups),)
    written += keywords(layer, "bias", "padding_mode")
    return Module(f"Conv{len(layer.in_shape) - 1}d", (layer.in_shape[0], layer.out_shape[0]), written, wrapper(layer))


def _transpose_module(layer: Layer) -> Module:
    names = ("kernel_size", "stride", "padding", "output_padding", "groups", "bias", "dilation")
    written = keywords(layer, *names, always="kernel_size")
    name = f"ConvTranspose{len(layer.in_shape) - 1}d"
    return Module(name, (layer.in_shape[0], layer.out_shape[0]), written, wrapper(layer))


def _taps(layer: Layer) -> int:
    return prod(layer.arguments["kernel_size"])  # type: ignore[arg-type]


def _biases(layer: Layer) -> int:
    return layer.out_shape[0] if layer.arguments["bias"] else 0


def _groups(layer: Layer) -> int:
    return int(layer.arguments["groups"])  # type: ignore[arg-type]


def _conv_weights(layer: Layer) -> int:
    return layer.in_shape[0] * layer.out_shape[0] // _groups(layer) * _taps(layer)


def _conv_cost(layer: Layer) -> int:
    return layer.in_shape[0] // _groups(layer) * _taps(layer) * prod(layer.out_shape)


def _transpose_cost(layer: Layer) -> int:
    return layer.out_shape[0] // _groups(layer) * _taps(layer) * prod(layer.in_shape)


# The mirror


def transposed(layer: Layer, axes: list[Window], **arguments: Any) -> list[Draft]:
    """The transposed convolution from `layer`'s output to exactly `layer`'s input.

    `output_padding = (n + 2p - d(k - 1) - 1) mod s` for a convolution. A window that left elements over beyond its own
    output padding is completed by padding, one that reached beyond its input (`ceil_mode`) by a crop.
    """
    missing = [n - window.spread(o) for n, o, window in zip(layer.in_shape[1:], layer.out_shape[1:], axes, strict=True)]
    drafts = [
        Draft(
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
    ]
    if any(extra < 0 for extra in missing):
        drafts.append(Draft("crop", {"padding": tuple((0, max(0, -extra)) for extra in missing)}))
    return drafts


def convolved(size: Shape, target: Shape, layer: Layer, channels: int, **arguments: Any) -> list[Draft]:
    """A stride-1 convolution from maps of `size` to maps of exactly `target`, with the kernel and dilation of `layer`.

    The kernel grows by one along an axis where the padding would otherwise be uneven.
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
    bare: dict[str, Any] = {"stride": (1,) * len(size), "groups": 1, "padding_mode": "zeros"}
    drafts = [
        Draft(
            "conv",
            {
                "out_channels": channels,
                **bare,
                "kernel_size": tuple(kernel),
                "padding": tuple(padding),
                "dilation": layer.arguments["dilation"],
                "bias": layer.arguments["bias"],
                **arguments,
            },
        )
    ]
    if any(excess):
        drafts.append(Draft("crop", {"padding": tuple((0, extra) for extra in excess)}))
    return drafts


def pointwise(channels: int, rank: int) -> Draft:
    """A 1x1 convolution to `channels` on maps with `rank` spatial axes."""
    ones, zeros = (1,) * rank, (0,) * rank
    geometry = {"kernel_size": ones, "stride": ones, "padding": zeros, "dilation": ones, "groups": 1}
    plain = {"bias": True, "padding_mode": "zeros", "spectral_norm": False, "weight_norm": False}
    return Draft("conv", {"out_channels": channels, **geometry, **plain})


def _mirror_conv(layer: Layer, choices: MirrorChoices) -> list[Draft]:
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
    drafts.append(Draft("pixel_shuffle", {"upscale_factor": factor}))
    excess = [m * factor - n for m, n in zip(coarse, target, strict=True)]
    if any(excess):
        drafts.append(Draft("crop", {"padding": tuple((0, extra) for extra in excess)}))
    return drafts


def _mirror_transpose(layer: Layer, choices: MirrorChoices) -> list[Draft]:
    """A convolution of the same geometry, and a crop where an output padding beyond the stride gave it room."""
    a: Any = layer.arguments
    arguments = {
        "out_channels": layer.in_shape[0],
        **{name: a[name] for name in ("kernel_size", "stride", "padding", "dilation", "groups", "bias")},
        "padding_mode": "zeros",
        **kept_parametrization(layer, choices),
    }
    found = [window.positions(n) for window, n in zip(windows(a), layer.out_shape[1:], strict=True)]
    excess = [m - n for m, n in zip(found, layer.in_shape[1:], strict=True)]
    drafts = [Draft("conv", arguments)]
    if any(excess):
        drafts.append(Draft("crop", {"padding": tuple((0, extra) for extra in excess)}))
    return drafts


LAYERS = (
    LayerDef(
        "conv",
        OPERATOR,
        summary="convolution",
        shape_rule="(C, n...) -> (out_channels, floor((n + 2p - d(k - 1) - 1) / s) + 1 ...)",
        mirror_rule="conv_transpose of the same geometry, output_padding = (n + 2p - d(k - 1) - 1) mod s",
        parameters=(
            Parameter("out_channels", COUNT),
            _KERNEL,
            _STRIDE,
            _PADDING,
            _DILATION,
            _GROUPING,
            _BIAS,
            _MODE,
            *PARAMETRIZED,
        ),
        ranks=(1, 2, 3),
        infer=_conv_shape,
        module=_conv_module,
        mirror=_mirror_conv,
        count=lambda layer: (
            _conv_weights(layer) + _biases(layer) + norm_gains(layer.arguments, layer.out_shape[0])
        ),
        cost=_conv_cost,
        expand=_expand_same("conv"),
        width="out_channels",
        weights="operator",
    ),
    LayerDef(
        "depthwise_conv",
        OPERATOR,
        summary="convolution of every channel on its own",
        shape_rule="(C, n...) -> (C * multiplier, floor((n + 2p - d(k - 1) - 1) / s) + 1 ...)",
        mirror_rule="grouped conv_transpose of the same geometry",
        parameters=(
            _KERNEL,
            _STRIDE,
            _PADDING,
            _DILATION,
            _BIAS,
            _MODE,
            Parameter("multiplier", COUNT, 1),
        ),
        ranks=(1, 2, 3),
        infer=_depthwise_shape,
        module=_conv_module,
        mirror=_mirror_conv,
        count=lambda layer: layer.out_shape[0] * _taps(layer) + _biases(layer),
        cost=lambda layer: _taps(layer) * prod(layer.out_shape),
        expand=_expand_same("depthwise_conv"),
        weights="operator",
    ),
    LayerDef(
        "conv_transpose",
        OPERATOR,
        summary="transposed convolution",
        shape_rule="(C, n...) -> (out_channels, (n - 1)s - 2p + d(k - 1) + output_padding + 1 ...)",
        mirror_rule="conv of the same geometry",
        parameters=(
            Parameter("out_channels", COUNT),
            _KERNEL,
            _STRIDE,
            Parameter("padding", per_axis(WHOLE), 0),
            Parameter("output_padding", per_axis(WHOLE), 0),
            _GROUPING,
            _BIAS,
            _DILATION,
            *PARAMETRIZED,
        ),
        ranks=(1, 2, 3),
        infer=_transpose_shape,
        module=_transpose_module,
        mirror=_mirror_transpose,
        count=lambda layer: (
            _conv_weights(layer) + _biases(layer) + norm_gains(layer.arguments, layer.in_shape[0])
        ),
        cost=_transpose_cost,
        width="out_channels",
        weights="operator",
    ),
)
