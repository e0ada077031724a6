"""Dropout."""

from __future__ import annotations

from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Layer, Shape, describe
from dcgan_compiler.layers.definition import (
    DROPOUT,
    FLAG,
    LayerDef,
    Module,
    Parameter,
    between,
    keywords,
)


def _shape(in_shape: Shape, a: Any) -> Shape:
    if a["channels"] and len(in_shape) == 1:
        raise problems.WRONG_RANK.error(
            layer="dropout",
            expected="a map when channels=true",
            shape=describe(in_shape),
            hint="leave `channels` out for features",
        )
    return in_shape


def _module(layer: Layer) -> Module:
    suffix = f"{len(layer.in_shape) - 1}d" if layer.arguments["channels"] else ""
    return Module(f"Dropout{suffix}", tuple(value for _, value in keywords(layer, "p")))


LAYERS = (
    LayerDef(
        "dropout",
        DROPOUT,
        summary="zero numbers, or whole channels, with probability p (Srivastava et al. 2014)",
        shape_rule="keeps the shape",
        mirror_rule="stands at the same interface in the mirror (`dropout drop` leaves it out)",
        parameters=(Parameter("p", between(0, 1), 0.5), Parameter("channels", FLAG, False)),
        infer=_shape,
        module=_module,
    ),
)
