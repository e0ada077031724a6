"""Activations: one row each."""

from __future__ import annotations

from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Layer, Shape
from dcgan_compiler.layers.definition import (
    ACTIVATION,
    COUNT,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    Check,
    LayerDef,
    Module,
    Parameter,
    choice,
    keywords,
)

_SAME = "keeps the shape"
_MIRROR = "stands at the same interface in the mirror (the `activation` option chooses which)"
_DIM = Parameter("dim", Check("1, the channels", lambda v: v if type(v) is int and v == 1 else None), 1)


def _activation(
    name: str,
    torch_name: str,
    summary: str,
    *parameters: Parameter,
    positional: str = "",
    inplace: bool = False,
    **more: Any,
) -> LayerDef:
    """A row; `positional` names the arguments that read better without their name."""
    short = positional.split()

    def module(layer: Layer) -> Module:
        written = dict(keywords(layer, *(parameter.name for parameter in parameters)))
        given = tuple(written.pop(parameter) for parameter in short if parameter in written)
        return Module(torch_name, given, tuple(written.items()))

    rule = {"elementwise": True, "module": module, **more}
    return LayerDef(
        name,
        ACTIVATION,
        summary=summary,
        shape_rule=_SAME,
        mirror_rule=_MIRROR,
        parameters=parameters,
        inplace=inplace,
        **rule,
    )


def _prelu_shape(in_shape: Shape, a: Any) -> Shape:
    if a["num_parameters"] not in (1, in_shape[0]):
        raise problems.SIZE_MISMATCH.error(
            layer="prelu", reason=f"num_parameters must be 1 or the {in_shape[0]} channels, not {a['num_parameters']}"
        )
    return in_shape


def _hardtanh_shape(in_shape: Shape, a: Any) -> Shape:
    if a["min_val"] >= a["max_val"]:
        raise problems.CONFLICT.error(
            layer="hardtanh", reason=f"min_val {a['min_val']} must be smaller than max_val {a['max_val']}", hint=None
        )
    return in_shape


def _softmax(name: str, torch_name: str, summary: str) -> LayerDef:
    return _activation(
        name,
        torch_name,
        summary,
        _DIM,
        elementwise=False,
        module=lambda layer: Module(torch_name, (), (("dim", layer.arguments["dim"]),)),
    )


LAYERS = (
    _activation("relu", "ReLU", "max(x, 0)", inplace=True),
    _activation(
        "leaky_relu",
        "LeakyReLU",
        "x, or negative_slope * x below 0 (Maas et al. 2013)",
        Parameter("negative_slope", NOT_NEGATIVE, 0.01),
        positional="negative_slope",
        inplace=True,
    ),
    _activation(
        "prelu",
        "PReLU",
        "leaky ReLU with a learned slope (He et al. 2015)",
        Parameter("num_parameters", COUNT, 1),
        Parameter("init", NUMBER, 0.25),
        infer=_prelu_shape,
        count=lambda layer: layer.arguments["num_parameters"],
    ),
    _activation(
        "elu",
        "ELU",
        "x, or alpha * (exp(x) - 1) below 0 (Clevert et al. 2016)",
        Parameter("alpha", NOT_NEGATIVE, 1.0),
        inplace=True,
    ),
    _activation("selu", "SELU", "scaled ELU (Klambauer et al. 2017)", inplace=True),
    _activation(
        "celu", "CELU", "continuously differentiable ELU (Barron 2017)", Parameter("alpha", POSITIVE, 1.0), inplace=True
    ),
    _activation(
        "gelu",
        "GELU",
        "x times the normal distribution function (Hendrycks & Gimpel 2016)",
        Parameter("approximate", choice("none", "tanh"), "none"),
    ),
    _activation("silu", "SiLU", "x * sigmoid(x) (Elfwing et al. 2017)"),
    _activation("mish", "Mish", "x * tanh(softplus(x)) (Misra 2019)"),
    _activation(
        "softplus",
        "Softplus",
        "log(1 + exp(beta * x)) / beta",
        Parameter("beta", POSITIVE, 1.0),
        Parameter("threshold", NUMBER, 20.0),
    ),
    _activation("softsign", "Softsign", "x / (1 + |x|)", interval="[-1, 1]"),
    _activation("tanh", "Tanh", "hyperbolic tangent", interval="[-1, 1]"),
    _activation("sigmoid", "Sigmoid", "logistic function", interval="[0, 1]"),
    _activation(
        "hardtanh",
        "Hardtanh",
        "x cut off at min_val and max_val",
        Parameter("min_val", NUMBER, -1.0),
        Parameter("max_val", NUMBER, 1.0),
        inplace=True,
        infer=_hardtanh_shape,
    ),
    _activation("hardsigmoid", "Hardsigmoid", "x / 6 + 1/2, cut off at 0 and 1", interval="[0, 1]"),
    _activation("hardswish", "Hardswish", "x * hardsigmoid(x) (Howard et al. 2019)"),
    _activation("relu6", "ReLU6", "min(max(x, 0), 6)", inplace=True),
    _softmax("softmax", "Softmax", "softmax over the channels"),
    _softmax("log_softmax", "LogSoftmax", "logarithm of the softmax over the channels"),
    _activation("identity", "Identity", "nothing", expand=lambda in_shape, arguments: ()),
)
