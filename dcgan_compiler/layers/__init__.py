"""The vocabulary: every layer of the language, in the order of its documentation, and the layers that passes add."""

from __future__ import annotations

from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.ir import Layer, Shape
from dcgan_compiler.layers import (
    activation,
    attention,
    conditional,
    convolution,
    linear,
    normalization,
    pooling,
    regularization,
    reshape,
    sampling,
)
from dcgan_compiler.layers.definition import Draft, LayerDef
from dcgan_compiler.source import Span

_GROUPS = (convolution, linear, pooling, sampling, reshape, normalization, activation, regularization, attention)

VOCABULARY: dict[str, LayerDef] = {definition.name: definition for group in _GROUPS for definition in group.LAYERS}

_DEFINITIONS = {**VOCABULARY, **{definition.name: definition for definition in conditional.LAYERS}}


def place(draft: Draft, in_shape: Shape, span: Span) -> list[Layer]:
    """The layers that a draft stands for on an input of `in_shape`: mostly one, none for `identity`.

    Raises a located `Problem` where one does not fit.
    """
    definition = _DEFINITIONS[draft.name]
    placed: list[Layer] = []
    try:
        drafts = definition.expand(in_shape, draft.arguments)
        for name, arguments in [draft] if drafts is None else drafts:
            shape = placed[-1].out_shape if placed else in_shape
            placed.append(Layer.build(_DEFINITIONS[name], arguments, shape, span))
    except Problem as problem:
        raise Problem(problem.located(span)) from None
    return placed
