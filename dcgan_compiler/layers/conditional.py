"""Layers that are told the class of each sample. Nobody writes them: `condition` puts them into both halves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dcgan_compiler.ir import Layer, Shape
from dcgan_compiler.layers.convolution import PARAMETRIZED, norm_gains, wrapper
from dcgan_compiler.layers.definition import (
    COUNT,
    FLAG,
    NORM,
    OPERATOR,
    Composite,
    Constant,
    LayerDef,
    Module,
    Parameter,
    Statement,
    keywords,
)
from dcgan_compiler.layers.normalization import EPS, MOMENTUM, TRACKING

_CLASSES = Parameter("classes", COUNT)
_NO_MIRROR = "the mirror is made without it, and is told the class in its own way"


def _num_classes(layer: Layer) -> Constant:
    classes: Any = layer.arguments["classes"]
    return Constant("NUM_CLASSES", classes)


def _over_places(vector: str, layer: Layer) -> str:
    """A vector for each sample, with an axis of size 1 for every spatial axis of the layer's input."""
    axes = len(layer.in_shape) - 1
    return f"{vector}[:, :{', None' * axes}]" if axes else vector


# The class beside the channels


def _one_hot(layer: Layer) -> Composite:
    vector = "nn.functional.one_hot(label, self.num_classes).to(x.dtype)"
    return _appended(layer, "OneHot", "as a one-hot vector", vector, ("num_classes", "NUM_CLASSES"))


def _embedding(layer: Layer) -> Composite:
    module = Module("Embedding", (_num_classes(layer), layer.arguments["embedding_dim"]))
    return _appended(layer, "Embedding", "as a learned vector", "self.embedding(label)", ("embedding", module))


def _appended(layer: Layer, title: str, how: str, vector: str, part: tuple[str, Module | str]) -> Composite:
    """The class that appends a vector of the label to features, or to every place of a map."""
    axes = len(layer.in_shape) - 1
    if not axes:
        statements: tuple[Statement, ...] = ((f"vector = {vector}",), ("return torch.cat((x, vector), dim=1)",))
        return Composite(f"Append{title}", f"Append the class {how}", (part,), statements)
    sizes = ", ".join(f"x.shape[{axis + 2}]" for axis in range(axes))
    statements = (
        (f"vector = {vector}",),
        (f"maps = {_over_places('vector', layer)}.expand(-1, -1, {sizes})",),
        ("return torch.cat((x, maps), dim=1)",),
    )
    return Composite(f"Append{title}Maps", f"Append the class {how}, the same at every place", (part,), statements)


def _appended_shape(argument: str) -> Callable[[Shape, Any], Shape]:
    return lambda in_shape, a: (in_shape[0] + a[argument], *in_shape[1:])


# The class chooses the gain and the bias of a normalisation


def _conditional_norm(layer: Layer) -> Composite:
    name = f"BatchNorm{max(1, len(layer.in_shape) - 1)}d"
    written = (*keywords(layer, "eps", "momentum"), ("affine", False), *keywords(layer, "track_running_stats"))
    per_class = (_num_classes(layer), layer.in_shape[0])
    return Composite(
        title=f"Conditional{name}",
        summary="Batch normalisation with a gain and a bias for each class (de Vries et al. 2017)",
        parts=(
            ("norm", Module(name, layer.in_shape[:1], written)),
            ("weight", Module("torch.ones", per_class, wrapper="nn.Parameter")),
            ("bias", Module("torch.zeros", per_class, wrapper="nn.Parameter")),
        ),
        statements=(
            ("weight, bias = self.weight[label], self.bias[label]",),
            (f"x = self.norm(x) * {_over_places('weight', layer)} + {_over_places('bias', layer)}",),
            ("return x",),
        ),
    )


# The class chooses what a discriminator looks for


def _projection(layer: Layer) -> Composite:
    features = layer.in_shape[0]
    linear = Module("Linear", (features, Constant("1", 1)), keywords(layer, "bias"), wrapper(layer))
    return Composite(
        title="ProjectionHead",
        summary="Score features, and how well they go with the class (Miyato & Koyama 2018)",
        parts=(
            ("linear", linear),
            ("embedding", Module("Embedding", (_num_classes(layer), features), (), wrapper(layer))),
        ),
        statements=(
            ("agreement = (self.embedding(label) * x).sum(dim=1, keepdim=True)",),
            ("x = self.linear(x) + agreement",),
            ("return x",),
        ),
    )


def _projection_count(layer: Layer) -> int:
    a, rows = layer.arguments, 1 + _num_classes(layer).value
    return layer.in_shape[0] * rows + (1 if a["bias"] else 0) + norm_gains(a, rows)


LAYERS = (
    LayerDef(
        "append_one_hot",
        OPERATOR,
        summary="the class as a one-hot vector beside the channels (Mirza & Osindero 2014)",
        shape_rule="(C, n...) -> (C + classes, n...)",
        mirror_rule=_NO_MIRROR,
        parameters=(_CLASSES,),
        infer=_appended_shape("classes"),
        composite=_one_hot,
        takes_label=True,
    ),
    LayerDef(
        "append_embedding",
        OPERATOR,
        summary="the class as a learned vector beside the channels",
        shape_rule="(C, n...) -> (C + embedding_dim, n...)",
        mirror_rule=_NO_MIRROR,
        parameters=(_CLASSES, Parameter("embedding_dim", COUNT)),
        infer=_appended_shape("embedding_dim"),
        composite=_embedding,
        count=lambda layer: (layer.out_shape[0] - layer.in_shape[0]) * _num_classes(layer).value,
        takes_label=True,
    ),
    LayerDef(
        "conditional_batch_norm",
        NORM,
        summary="batch normalisation with a gain and a bias for each class (de Vries et al. 2017)",
        shape_rule="keeps the shape",
        mirror_rule="stands in the mirror only",
        parameters=(_CLASSES, EPS, MOMENTUM, TRACKING),
        composite=_conditional_norm,
        count=lambda layer: 2 * layer.in_shape[0] * _num_classes(layer).value,
        weights="norm",
        centers=True,
        takes_label=True,
    ),
    LayerDef(
        "projection_head",
        OPERATOR,
        summary="a score of features, and of how well they go with the class (Miyato & Koyama 2018)",
        shape_rule="(F) -> (1)",
        mirror_rule=_NO_MIRROR,
        parameters=(_CLASSES, Parameter("bias", FLAG, True), *PARAMETRIZED),
        infer=lambda in_shape, a: (1,),
        composite=_projection,
        count=_projection_count,
        cost=lambda layer: 2 * layer.in_shape[0],
        weights="operator",
        takes_label=True,
    ),
)
