"""The fully connected layer."""

from __future__ import annotations

from typing import Any

from dcgan_compiler.ir import Layer, Shape
from dcgan_compiler.layers.convolution import (
    PARAMETRIZED,
    check_parametrization,
    norm_gains,
    wrapper,
)
from dcgan_compiler.layers.definition import (
    COUNT,
    FLAG,
    OPERATOR,
    Draft,
    LayerDef,
    MirrorChoices,
    Module,
    Parameter,
    keywords,
)
from dcgan_compiler.layers.transposition import kept_parametrization


def _shape(in_shape: Shape, a: Any) -> Shape:
    check_parametrization("linear", a)
    return (a["out_features"],)


def _mirror(layer: Layer, choices: MirrorChoices) -> list[Draft]:
    bias = layer.arguments["bias"]
    return [Draft("linear", {"out_features": layer.in_shape[0], "bias": bias, **kept_parametrization(layer, choices)})]


def _count(layer: Layer) -> int:
    rows = layer.out_shape[0]
    return layer.in_shape[0] * rows + (rows if layer.arguments["bias"] else 0) + norm_gains(layer.arguments, rows)


LAYERS = (
    LayerDef(
        "linear",
        OPERATOR,
        summary="fully connected layer",
        shape_rule="(F) -> (out_features)",
        mirror_rule="linear from out_features back to F",
        parameters=(Parameter("out_features", COUNT), Parameter("bias", FLAG, True), *PARAMETRIZED),
        ranks=(0,),
        infer=_shape,
        module=lambda layer: Module(
            "Linear", (layer.in_shape[0], layer.out_shape[0]), keywords(layer, "bias"), wrapper(layer)
        ),
        mirror=_mirror,
        count=_count,
        cost=lambda layer: layer.in_shape[0] * layer.out_shape[0],
        width="out_features",
        weights="operator",
    ),
)
