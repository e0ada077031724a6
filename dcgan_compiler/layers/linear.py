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
    Composite,
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
    bias, tied = layer.arguments["bias"], {"transposed": True} if choices.tied else {}
    kept = kept_parametrization(layer, choices)
    return [Draft("linear", {"out_features": layer.in_shape[0], "bias": bias, **kept, **tied})]


def _transposed(layer: Layer) -> Composite | None:
    """A layer that is tied to the one it undoes: its weight has the shape of that one's."""
    if not layer.arguments.get("transposed"):
        return None
    arriving, leaving = layer.in_shape[0], layer.out_shape[0]
    bias = ("bias", Module("torch.zeros", (leaving,), wrapper="nn.Parameter"))
    return Composite(
        title="TransposedLinear",
        summary="A linear layer with the transposed weight of the layer that it undoes",
        parts=(
            ("linear", Module("Linear", (leaving, arriving), (("bias", False),))),
            *([bias] if layer.arguments["bias"] else []),
        ),
        statements=(
            (f"x = x @ self.linear.weight{' + self.bias' if layer.arguments['bias'] else ''}",),
            ("return x",),
        ),
    )


def _count(layer: Layer) -> int:
    rows = layer.out_shape[0]
    return layer.in_shape[0] * rows + (rows if layer.arguments["bias"] else 0) + norm_gains(layer.arguments, rows)


LAYERS = (
    LayerDef(
        "linear",
        OPERATOR,
        summary="fully connected layer",
        shape_rule="(F) -> (out_features)",
        mirror_rule="linear with in_features and out_features exchanged",
        parameters=(Parameter("out_features", COUNT), Parameter("bias", FLAG, True), *PARAMETRIZED),
        ranks=(0,),
        infer=_shape,
        module=lambda layer: Module(
            "Linear", (layer.in_shape[0], layer.out_shape[0]), keywords(layer, "bias"), wrapper(layer)
        ),
        composite=_transposed,
        mirror=_mirror,
        count=_count,
        cost=lambda layer: layer.in_shape[0] * layer.out_shape[0],
        width="out_features",
        weights="operator",
    ),
)
