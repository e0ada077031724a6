"""Layers that move numbers without changing them: flatten, unflatten, pad, crop."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from dcgan_compiler import problems
from dcgan_compiler.ir import Arguments, Layer, Shape, Value, describe
from dcgan_compiler.layers.definition import (
    MAX_COUNT,
    OPERATOR,
    SHAPE,
    Check,
    Draft,
    LayerDef,
    MirrorChoices,
    Module,
    Parameter,
    choice,
    uniform,
)


def _is_padding(value: Value) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


PADDING = Check(
    "a whole number of at least 0, a tuple with one for each axis, or (before, after) for each axis, last axis first",
    lambda v: (
        v
        if _is_padding(v) or (isinstance(v, tuple) and len(v) in (1, 2, 3, 4, 6) and all(map(_is_padding, v)))
        else None
    ),
)


def _pairs(padding: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis, from any of the ways to write a padding; torch's form has the last axis first."""
    if isinstance(padding, int):
        return ((padding, padding),) * rank
    if isinstance(padding[0], tuple):
        return tuple(padding)
    if len(padding) == 2 * rank:
        return tuple((padding[2 * i], padding[2 * i + 1]) for i in reversed(range(rank)))
    if len(padding) == rank:
        return tuple((p, p) for p in padding)
    raise problems.WRONG_ARITY.error(name="padding", found=len(padding), rank=rank)


def _expand(name: str) -> Any:
    def expand(in_shape: Shape, a: Any) -> Sequence[Draft]:
        pairs = _pairs(a["padding"], len(in_shape) - 1)
        return [Draft(name, {**a, "padding": pairs})] if any(map(any, pairs)) else []

    return expand


def _pad_shape(in_shape: Shape, a: Any) -> Shape:
    pairs = a["padding"]
    for n, pair in zip(in_shape[1:], pairs, strict=True):
        if a["mode"] == "reflect" and max(pair) >= n:
            raise problems.DOES_NOT_FIT.error(
                layer="pad", what="reflect padding", arithmetic=f"padding {max(pair)} >= size {n}", hint=None
            )
    return (in_shape[0], *(n + sum(pair) for n, pair in zip(in_shape[1:], pairs, strict=True)))


def _crop_shape(in_shape: Shape, a: Any) -> Shape:
    sizes = []
    for n, (before, after) in zip(in_shape[1:], a["padding"], strict=True):
        sizes.append(n - before - after)
        if sizes[-1] < 1:
            raise problems.DOES_NOT_FIT.error(
                layer="crop",
                what=f"padding ({before}, {after})",
                arithmetic=f"{n} - {before} - {after} = {sizes[-1]} < 1",
                hint=None,
            )
    return (in_shape[0], *sizes)


_PAD_CLASS = {"zeros": "ZeroPad", "reflect": "ReflectionPad", "replicate": "ReplicationPad"}


def _torch_order(pairs: Any, sign: int = 1) -> Value:
    return uniform(tuple(sign * amount for pair in reversed(pairs) for amount in pair))


def _pad_module(layer: Layer) -> Module:
    a: Any = layer.arguments
    return Module(f"{_PAD_CLASS[a['mode']]}{len(a['padding'])}d", (_torch_order(a["padding"]),))


def _crop_module(layer: Layer) -> Module:
    a: Any = layer.arguments
    return Module(f"ZeroPad{len(a['padding'])}d", (_torch_order(a["padding"], -1),))


def _crop_expression(layer: Layer) -> str:
    pairs: Any = layer.arguments["padding"]
    slices = [f"{before or ''}:{-after if after else ''}" for before, after in pairs]
    return f"{{x}}[:, :, {', '.join(slices)}]"


def _unflatten_shape(in_shape: Shape, a: Any) -> Shape:
    shape: Shape = a["unflattened_size"]
    if prod(shape) != in_shape[0]:
        raise problems.SIZE_MISMATCH.error(
            layer="unflatten",
            reason=f"{describe(shape)} holds {' * '.join(map(str, shape))} = {prod(shape)} values,"
            f" but {in_shape[0]} arrive",
        )
    return shape


def _mirror_flatten(layer: Layer, choices: MirrorChoices) -> list[Draft]:
    return [Draft("unflatten", {"unflattened_size": layer.in_shape})]


def _expand_flatten(in_shape: Shape, arguments: Arguments) -> Sequence[Draft] | None:
    return [] if len(in_shape) == 1 else None


LAYERS = (
    LayerDef(
        "flatten",
        OPERATOR,
        summary="a map as features",
        shape_rule="(C, n...) -> (C * n...)",
        mirror_rule="unflatten to the shape that entered",
        infer=lambda in_shape, arguments: (prod(in_shape),),
        module=lambda layer: Module("Flatten"),
        expression=lambda layer: "{x}.flatten(1)",
        mirror=_mirror_flatten,
        expand=_expand_flatten,
        rearranges=True,
    ),
    LayerDef(
        "unflatten",
        OPERATOR,
        summary="features as a map",
        shape_rule="(F) -> unflattened_size",
        mirror_rule="flatten",
        parameters=(Parameter("unflattened_size", SHAPE),),
        ranks=(0,),
        infer=_unflatten_shape,
        module=lambda layer: Module("Unflatten", (1, layer.out_shape)),
        expression=lambda layer: f"{{x}}.reshape(-1, {', '.join(map(str, layer.out_shape))})",
        mirror=lambda layer, choices: [Draft("flatten", {})],
        rearranges=True,
    ),
    LayerDef(
        "pad",
        OPERATOR,
        summary="a border of zeros, of reflections or of replicas",
        shape_rule="(C, n...) -> (C, n + before + after ...)",
        mirror_rule="crop of the same border",
        parameters=(Parameter("padding", PADDING), Parameter("mode", choice(*_PAD_CLASS), "zeros")),
        ranks=(1, 2, 3),
        infer=_pad_shape,
        module=_pad_module,
        mirror=lambda layer, choices: [Draft("crop", {"padding": layer.arguments["padding"]})],
        expand=_expand("pad"),
    ),
    LayerDef(
        "crop",
        OPERATOR,
        summary="cut a border off",
        shape_rule="(C, n...) -> (C, n - before - after ...)",
        mirror_rule="pad with zeros",
        parameters=(Parameter("padding", PADDING),),
        ranks=(1, 2, 3),
        infer=_crop_shape,
        module=_crop_module,
        expression=_crop_expression,
        mirror=lambda layer, choices: [Draft("pad", {"padding": layer.arguments["padding"], "mode": "zeros"})],
        expand=_expand("crop"),
        rearranges=True,
    ),
)
