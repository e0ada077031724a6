"""Pooling; its mirror brings back exactly the size that entered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Layer, Shape, describe
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
    keywords,
    per_axis,
    uniform,
)
from dcgan_compiler.layers.geometry import Window, check_fits, windows
from dcgan_compiler.layers.transposition import transposed

_MIRROR_RULE = "upsampling to exactly the size that entered (`unpool` chooses how)"
_KERNEL = Parameter("kernel_size", per_axis(COUNT))
_STRIDE = Parameter("stride", per_axis(COUNT), None)
_PADDING = Parameter("padding", per_axis(WHOLE), 0)
_DILATION = Parameter("dilation", per_axis(COUNT), 1)
_CEIL = Parameter("ceil_mode", FLAG, False)


def _pooled_shape(name: str) -> Callable[[Shape, Any], Shape]:
    def infer(in_shape: Shape, a: Any) -> Shape:
        sizes = []
        for n, window in zip(in_shape[1:], windows(a), strict=True):
            if window.p > window.k // 2:
                raise problems.DOES_NOT_FIT.error(
                    layer=name,
                    what=f"padding {window.p}",
                    arithmetic=f"it may be at most half of kernel_size {window.k}",
                    hint=None,
                )
            sizes.append(window.positions_ceil(n) if a["ceil_mode"] else window.positions(n))
            if sizes[-1] < 1:
                check_fits(name, window, n)
        return (in_shape[0], *sizes)

    return infer


def _pool_module(name: str, *names: str) -> Callable[[Layer], Module]:
    def module(layer: Layer) -> Module:
        a = layer.arguments
        stride = () if a["stride"] in (None, a["kernel_size"]) else (("stride", uniform(a["stride"])),)
        written = keywords(layer, "kernel_size") + stride + keywords(layer, *names)
        return Module(f"{name}{len(layer.in_shape) - 1}d", (), written)

    return module


def _adaptive_shape(name: str) -> Callable[[Shape, Any], Shape]:
    def infer(in_shape: Shape, a: Any) -> Shape:
        size: Shape = a["output_size"]
        if any(m > n for m, n in zip(size, in_shape[1:], strict=True)):
            raise problems.DOES_NOT_FIT.error(
                layer=name,
                what=f"output_size {uniform(size)}",
                arithmetic=f"it is larger than the map that arrives, {describe(in_shape)}",
                hint="use `upsample` to enlarge a map",
            )
        return (in_shape[0], *size)

    return infer


def _unpooled(layer: Layer, choices: MirrorChoices, axes: list[Window]) -> list[Draft]:
    if layer.in_shape == layer.out_shape:
        return []
    if choices.unpool == "transpose":
        return transposed(layer, axes)
    return [Draft("upsample", {"size": layer.in_shape[1:], "scale_factor": None, "mode": choices.unpool})]


def _mirror_pool(layer: Layer, choices: MirrorChoices) -> list[Draft]:
    return _unpooled(layer, choices, windows(layer.arguments))


def _mirror_adaptive(layer: Layer, choices: MirrorChoices) -> list[Draft]:
    strides = [(n, o, n // o) for n, o in zip(layer.in_shape[1:], layer.out_shape[1:], strict=True)]
    return _unpooled(layer, choices, [Window(n - (o - 1) * s, s) for n, o, s in strides])


def _mirror_global(layer: Layer, choices: MirrorChoices) -> list[Draft]:
    """Features become a map of one place, which is spread over the map that entered."""
    channels, *spatial = layer.in_shape
    one = (channels, *(1 for _ in spatial))
    reshape = Draft("unflatten", {"unflattened_size": one})
    pooled = Layer(layer.definition, layer.arguments, layer.in_shape, one, layer.span)
    return [reshape, *_unpooled(pooled, choices, [Window(n) for n in spatial])]


def _spatial_axes(layer: Layer) -> str:
    axes = tuple(range(2, len(layer.in_shape) + 1))
    return str(axes[0]) if len(axes) == 1 else str(axes)


def _pool(name: str, torch_name: str, summary: str, parameters: tuple[Parameter, ...], *names: str) -> LayerDef:
    return LayerDef(
        name,
        OPERATOR,
        summary=summary,
        shape_rule="(C, n...) -> (C, floor((n + 2p - d(k - 1) - 1) / s) + 1 ...); rounded up with ceil_mode",
        mirror_rule=_MIRROR_RULE,
        parameters=parameters,
        ranks=(1, 2, 3),
        infer=_pooled_shape(name),
        module=_pool_module(torch_name, *names),
        mirror=_mirror_pool,
        pools=True,
    )


def _adaptive(name: str, torch_name: str, summary: str) -> LayerDef:
    return LayerDef(
        name,
        OPERATOR,
        summary=summary,
        shape_rule="(C, n...) -> (C, output_size...)",
        mirror_rule=_MIRROR_RULE,
        parameters=(Parameter("output_size", per_axis(COUNT)),),
        ranks=(1, 2, 3),
        infer=_adaptive_shape(name),
        module=lambda layer: Module(
            f"{torch_name}{len(layer.in_shape) - 1}d", (uniform(layer.arguments["output_size"]),)
        ),
        mirror=_mirror_adaptive,
        pools=True,
    )


def _global(name: str, reduction: str, summary: str) -> LayerDef:
    return LayerDef(
        name,
        OPERATOR,
        summary=summary,
        shape_rule="(C, n...) -> (C)",
        mirror_rule="unflatten and upsampling to the size that entered; before a linear head, one linear layer and an"
        " unflatten",
        ranks=(1, 2, 3),
        infer=lambda in_shape, arguments: in_shape[:1],
        expression=lambda layer: f"{{x}}.{reduction}(dim={_spatial_axes(layer)})",
        mirror=_mirror_global,
        pools=True,
    )


LAYERS = (
    _pool(
        "max_pool",
        "MaxPool",
        "largest value of each window",
        (_KERNEL, _STRIDE, _PADDING, _DILATION, _CEIL),
        "padding",
        "dilation",
        "ceil_mode",
    ),
    _pool(
        "avg_pool",
        "AvgPool",
        "mean of each window",
        (_KERNEL, _STRIDE, _PADDING, _CEIL, Parameter("count_include_pad", FLAG, True)),
        "padding",
        "ceil_mode",
        "count_include_pad",
    ),
    _adaptive("adaptive_avg_pool", "AdaptiveAvgPool", "means on a grid of a given size"),
    _adaptive("adaptive_max_pool", "AdaptiveMaxPool", "largest values on a grid of a given size"),
    _global("global_avg_pool", "mean", "mean over all places"),
    _global("global_sum_pool", "sum", "sum over all places"),
)
