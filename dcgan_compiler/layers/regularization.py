"""Dropout, and the statistics of a batch."""

from __future__ import annotations

from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Layer, Shape, describe
from dcgan_compiler.layers.definition import (
    COUNT,
    DROPOUT,
    FLAG,
    OPERATOR,
    Composite,
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


def _stddev(layer: Layer) -> Composite:
    """The root of the variance over each group, averaged over channels and places, as one more channel."""
    number = ("group_size", layer.arguments["group_size"])
    whole = ("size = x.shape[0]",)
    grouped = ("size = ", number, " if x.shape[0] % ", number, " == 0 else x.shape[0]")
    axes = len(layer.in_shape) - 1
    return Composite(
        title="MinibatchStddev",
        summary="Append the standard deviation over the batch as a channel (Karras et al. 2018)",
        parts=(),
        statements=(
            whole if layer.arguments["group_size"] is None else grouped,
            ("variance = torch.unflatten(x, 0, (-1, size)).var(dim=1, unbiased=False)",),
            ("deviation = torch.sqrt(variance + 1e-8).flatten(1).mean(dim=1)",),
            (f"channel = deviation.repeat_interleave(size).reshape(-1, 1, {', '.join('1' * axes)})",),
            (f"return torch.cat((x, channel.expand(-1, -1, {_places(axes)})), dim=1)",),
        ),
    )


def _places(axes: int) -> str:
    return ", ".join(f"x.shape[{axis + 2}]" for axis in range(axes))


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
    LayerDef(
        "minibatch_stddev",
        OPERATOR,
        summary="the standard deviation over the batch, or over groups of it, as one more channel (Karras et al. 2018)",
        shape_rule="(C, n...) -> (C + 1, n...)",
        mirror_rule="left out: its channel does not exist in the mirror",
        parameters=(Parameter("group_size", COUNT, None),),
        ranks=(1, 2, 3),
        infer=lambda in_shape, a: (in_shape[0] + 1, *in_shape[1:]),
        composite=_stddev,
    ),
)
