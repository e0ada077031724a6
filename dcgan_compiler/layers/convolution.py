"""Convolutions."""

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
    Module,
    Parameter,
    choice,
    common_divisors,
    either,
    keywords,
    per_axis,
)
from dcgan_compiler.layers.geometry import check_fits, same_padding, windows
from dcgan_compiler.layers.transposition import PARAMETRIZATIONS, mirror_conv, mirror_transpose

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")
_KERNEL = Parameter("kernel_size", per_axis(COUNT))
_STRIDE = Parameter("stride", per_axis(COUNT), 1)
_PADDING = Parameter("padding", either(per_axis(WHOLE), choice("same", "valid")), 0)
_DILATION = Parameter("dilation", per_axis(COUNT), 1)
_GROUPING = Parameter("groups", COUNT, 1)
_BIAS = Parameter("bias", FLAG, True)
_MODE = Parameter("padding_mode", choice(*_PADDING_MODES), "zeros")
PARAMETRIZED = tuple(Parameter(name, FLAG, False) for name in PARAMETRIZATIONS)


def wrapper(layer: Layer) -> str | None:
    """The parametrization of a layer's weight."""
    return next((name for name in PARAMETRIZATIONS if layer.arguments.get(name)), None)


def check_parametrization(name: str, a: Arguments) -> None:
    """Raise `Problem` for two parametrizations at once."""
    if a["spectral_norm"] and a["weight_norm"]:
        raise problems.CONFLICT.error(
            layer=name, reason="spectral_norm and weight_norm exclude each other", hint="keep one of them"
        )


def norm_gains(a: Arguments, rows: int) -> int:
    """The extra parameters of weight normalisation: one gain for each row of the weight."""
    return rows if a["weight_norm"] else 0


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
    written = keywords(layer, *names)
    if groups != 1:
        written += (("groups", groups),)
    written += keywords(layer, "bias", "padding_mode")
    return Module(f"Conv{len(layer.in_shape) - 1}d", (layer.in_shape[0], layer.out_shape[0]), written, wrapper(layer))


def _transpose_module(layer: Layer) -> Module:
    names = ("kernel_size", "stride", "padding", "output_padding", "groups", "bias", "dilation")
    written = keywords(layer, *names)
    name = f"ConvTranspose{len(layer.in_shape) - 1}d"
    return Module(name, (layer.in_shape[0], layer.out_shape[0]), written, wrapper(layer))


def _taps(layer: Layer) -> int:
    kernel: Any = layer.arguments["kernel_size"]
    return prod(kernel)


def _biases(layer: Layer) -> int:
    return layer.out_shape[0] if layer.arguments["bias"] else 0


def _groups(layer: Layer) -> int:
    groups: Any = layer.arguments["groups"]
    return int(groups)


def _conv_weights(layer: Layer) -> int:
    return layer.in_shape[0] * layer.out_shape[0] // _groups(layer) * _taps(layer)


def _conv_cost(layer: Layer) -> int:
    return layer.in_shape[0] // _groups(layer) * _taps(layer) * prod(layer.out_shape)


def _transpose_cost(layer: Layer) -> int:
    return layer.out_shape[0] // _groups(layer) * _taps(layer) * prod(layer.in_shape)


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
        mirror=mirror_conv,
        count=lambda layer: (_conv_weights(layer) + _biases(layer) + norm_gains(layer.arguments, layer.out_shape[0])),
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
        mirror=mirror_conv,
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
        mirror=mirror_transpose,
        count=lambda layer: (_conv_weights(layer) + _biases(layer) + norm_gains(layer.arguments, layer.in_shape[0])),
        cost=_transpose_cost,
        width="out_channels",
        weights="operator",
    ),
)
