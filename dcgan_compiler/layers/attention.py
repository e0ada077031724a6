"""Self-attention over the places of a map."""

from __future__ import annotations

from math import prod
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Layer, Shape, Value
from dcgan_compiler.layers.definition import (
    ATTENTION,
    COUNT,
    FLAG,
    Composite,
    LayerDef,
    Module,
    Parameter,
    Statement,
    common_divisors,
)


def _hidden(channels: int, a: Any) -> int:
    return int(channels // a["reduction"])


def _shape(in_shape: Shape, a: Any) -> Shape:
    channels, unit = in_shape[0], a["reduction"] * a["heads"]
    if channels % unit:
        raise problems.NOT_DIVISIBLE.error(
            layer="self_attention",
            what="the number of channels",
            divisor_name="reduction * heads",
            arithmetic=f"{channels} % {unit} = {channels % unit}",
            hint=f"reduction * heads can be {common_divisors(channels)}",
        )
    return in_shape


def _composite(layer: Layer) -> Composite:
    a: Any = layer.arguments
    channels, hidden = layer.in_shape[0], _hidden(layer.in_shape[0], a)

    def projection(into: int, out: int) -> Module:
        wrapper = "spectral_norm" if a["spectral_norm"] else None
        written = (("kernel_size", 1), ("bias", False))
        return Module(f"Conv{len(layer.in_shape) - 1}d", (into, out), written, wrapper)

    return Composite(
        title="SelfAttention",
        summary="Attention of every place to all places (Zhang et al. 2019)",
        parts=(
            ("query", projection(channels, hidden)),
            ("key", projection(channels, hidden)),
            ("value", projection(channels, hidden)),
            ("output", projection(hidden, channels)),
            ("gain", "nn.Parameter(torch.zeros(1))"),
        ),
        statements=_single_head() if a["heads"] == 1 else _many_heads(("heads", a["heads"])),
    )


_RESULT = ("x = x + self.gain * self.output(attended.unflatten(2, x.shape[2:]))",), ("return x",)


def _single_head() -> tuple[Statement, ...]:
    return (
        ("query, key, value = self.query(x).flatten(2), self.key(x).flatten(2), self.value(x).flatten(2)",),
        ("weights = torch.softmax(query.transpose(1, 2) @ key, dim=-1)",),
        ("attended = value @ weights.transpose(1, 2)",),
        *_RESULT,
    )


def _many_heads(heads: tuple[str, Value]) -> tuple[Statement, ...]:
    return (
        ("query = self.query(x).flatten(2).unflatten(1, (", heads, ", -1))"),
        ("key = self.key(x).flatten(2).unflatten(1, (", heads, ", -1))"),
        ("value = self.value(x).flatten(2).unflatten(1, (", heads, ", -1))"),
        ("weights = torch.softmax(query.transpose(2, 3) @ key, dim=-1)",),
        ("attended = (value @ weights.transpose(2, 3)).flatten(1, 2)",),
        *_RESULT,
    )


def _count(layer: Layer) -> int:
    return 4 * layer.in_shape[0] * _hidden(layer.in_shape[0], layer.arguments) + 1


def _cost(layer: Layer) -> int:
    hidden, places = _hidden(layer.in_shape[0], layer.arguments), prod(layer.in_shape[1:])
    return 4 * layer.in_shape[0] * hidden * places + 2 * hidden * places**2


LAYERS = (
    LayerDef(
        "self_attention",
        ATTENTION,
        summary="attention of every place to all places, added with a learned gain (Zhang et al. 2019)",
        shape_rule="keeps the shape",
        mirror_rule="stands at the same interface in the mirror",
        parameters=(
            Parameter("heads", COUNT, 1),
            Parameter("reduction", COUNT, 8),
            Parameter("spectral_norm", FLAG, False),
        ),
        ranks=(1, 2, 3),
        infer=_shape,
        composite=_composite,
        count=_count,
        cost=_cost,
        weights="operator",
    ),
)
