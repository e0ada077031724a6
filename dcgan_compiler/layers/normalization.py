"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Layer, Shape, describe
from dcgan_compiler.layers.definition import (
    COUNT,
    FLAG,
    NORM,
    NUMBER,
    POSITIVE,
    Draft,
    LayerDef,
    Module,
    Parameter,
    common_divisors,
    keywords,
)

_SAME = "keeps the shape"
_MIRROR = "stands at the same interface in the mirror (the `norm` option chooses which)"
EPS = Parameter("eps", POSITIVE, 1e-05)
MOMENTUM = Parameter("momentum", NUMBER, 0.1)
TRACKING = Parameter("track_running_stats", FLAG, True)


def _per_channel(flag: str) -> Callable[[Layer], int]:
    return lambda layer: 2 * layer.in_shape[0] if layer.arguments[flag] else 0


def _running_module(name: str) -> Callable[[Layer], Module]:
    """BatchNorm or InstanceNorm, by rank; features take BatchNorm1d."""

    def module(layer: Layer) -> Module:
        written = keywords(layer, "eps", "momentum", "affine", "track_running_stats")
        return Module(f"{name}{max(1, len(layer.in_shape) - 1)}d", (layer.in_shape[0],), written)

    return module


def _for_classes(layer: Layer, classes: int) -> Draft:
    kept = {name: layer.arguments[name] for name in ("eps", "momentum", "track_running_stats")}
    return Draft("conditional_batch_norm", {"classes": classes, **kept})


def _instance_shape(in_shape: Shape, a: Any) -> Shape:
    if prod(in_shape[1:]) == 1:
        raise problems.SIZE_MISMATCH.error(
            layer="instance_norm",
            reason=f"a map of one place has no variance; here arrives {describe(in_shape)}",
            hint="use `batch_norm` or `layer_norm` here",
        )
    return in_shape


def _group_shape(in_shape: Shape, a: Any) -> Shape:
    groups = a["num_groups"]
    if in_shape[0] % groups:
        raise problems.NOT_DIVISIBLE.error(
            layer="group_norm",
            what="the number of channels",
            divisor_name="num_groups",
            arithmetic=f"{in_shape[0]} % {groups} = {in_shape[0] % groups}",
            hint=f"num_groups can be {common_divisors(in_shape[0])}",
        )
    return in_shape


def _normalized_shape(layer: Layer) -> Any:
    return layer.in_shape[0] if len(layer.in_shape) == 1 else layer.in_shape


def _layer_norm_count(layer: Layer) -> int:
    if not layer.arguments["elementwise_affine"]:
        return 0
    return prod(layer.in_shape) * (2 if layer.arguments["bias"] else 1)


LAYERS = (
    LayerDef(
        "batch_norm",
        NORM,
        summary="batch normalisation (Ioffe & Szegedy 2015)",
        shape_rule=_SAME,
        mirror_rule=_MIRROR,
        parameters=(
            EPS,
            MOMENTUM,
            Parameter("affine", FLAG, True),
            TRACKING,
        ),
        module=_running_module("BatchNorm"),
        count=_per_channel("affine"),
        weights="norm",
        centers=True,
        conditional=_for_classes,
    ),
    LayerDef(
        "instance_norm",
        NORM,
        summary="normalisation of each channel of each sample (Ulyanov et al. 2016)",
        shape_rule=_SAME,
        mirror_rule=_MIRROR,
        parameters=(
            EPS,
            MOMENTUM,
            Parameter("affine", FLAG, False),
            Parameter("track_running_stats", FLAG, False),
        ),
        ranks=(1, 2, 3),
        infer=_instance_shape,
        module=_running_module("InstanceNorm"),
        count=_per_channel("affine"),
        centers=True,
    ),
    LayerDef(
        "group_norm",
        NORM,
        summary="normalisation of groups of channels (Wu & He 2018)",
        shape_rule=_SAME,
        mirror_rule=_MIRROR,
        parameters=(Parameter("num_groups", COUNT), EPS, Parameter("affine", FLAG, True)),
        infer=_group_shape,
        module=lambda layer: Module(
            "GroupNorm", (layer.arguments["num_groups"], layer.in_shape[0]), keywords(layer, "eps", "affine")
        ),
        count=_per_channel("affine"),
    ),
    LayerDef(
        "layer_norm",
        NORM,
        summary="normalisation over all channels and places of a sample (Ba et al. 2016)",
        shape_rule=_SAME,
        mirror_rule=_MIRROR,
        parameters=(EPS, Parameter("elementwise_affine", FLAG, True), Parameter("bias", FLAG, True)),
        module=lambda layer: Module(
            "LayerNorm", (_normalized_shape(layer),), keywords(layer, "eps", "elementwise_affine", "bias")
        ),
        count=_layer_norm_count,
    ),
    LayerDef(
        "rms_norm",
        NORM,
        summary="division by the root mean square of a sample (Zhang & Sennrich 2019)",
        shape_rule=_SAME,
        mirror_rule=_MIRROR,
        parameters=(Parameter("eps", POSITIVE, None), Parameter("elementwise_affine", FLAG, True)),
        module=lambda layer: Module(
            "RMSNorm", (_normalized_shape(layer),), keywords(layer, "eps", "elementwise_affine")
        ),
        count=lambda layer: prod(layer.in_shape) if layer.arguments["elementwise_affine"] else 0,
    ),
    LayerDef(
        "local_response_norm",
        NORM,
        summary="division by the energy of neighbouring channels (Krizhevsky et al. 2012)",
        shape_rule=_SAME,
        mirror_rule=_MIRROR,
        parameters=(
            Parameter("size", COUNT),
            Parameter("alpha", NUMBER, 0.0001),
            Parameter("beta", NUMBER, 0.75),
            Parameter("k", NUMBER, 1.0),
        ),
        ranks=(1, 2, 3),
        module=lambda layer: Module(
            "LocalResponseNorm", (layer.arguments["size"],), keywords(layer, "alpha", "beta", "k")
        ),
    ),
)
