"""The contract of the vocabulary, layer by layer, with torch as the oracle."""

import inspect
from itertools import product
from types import SimpleNamespace

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from interpreter import Checked, torch_module
from programs import RANKS, calls, placed, shapes
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.ir import Layer, Sequence, Shape
from dcgan_compiler.layers import VOCABULARY, place
from dcgan_compiler.layers.definition import ACTIVATION, ATTENTION, DROPOUT, NORM, OPERATOR, LayerDef
from dcgan_compiler.source import Source, Span

SPAN = Span(Source("test", ""), 0, 0)
CASES = [(definition, rank) for definition in VOCABULARY.values() for rank in definition.ranks]
each_layer = pytest.mark.parametrize("definition", VOCABULARY.values(), ids=VOCABULARY)
each_case = pytest.mark.parametrize(
    ("definition", "rank"), CASES, ids=[f"{definition.name}-{rank}d" for definition, rank in CASES]
)
few = settings(max_examples=25, deadline=None)


def drawn(data: st.DataObject, definition: LayerDef, rank: int) -> Sequence:
    """A layer with random arguments on a random input, as the layers that it stands for."""
    in_shape = data.draw(shapes(rank))
    text = data.draw(calls(definition, in_shape))
    try:
        return sequence(placed(text, in_shape), in_shape)
    except Problem:
        assume(False)
        raise


def sequence(layers: list[Layer], in_shape: Shape) -> Sequence:
    return Sequence.build(layers, in_shape, SPAN)


def bare(definition: LayerDef, rank: int, accepts: str) -> nn.Module:
    """A torch module of the layer on a map of 4 channels."""
    text = {"group_norm": "group_norm(2)", "local_response_norm": "local_response_norm(size=2)"}
    layers = placed(text.get(definition.name, f"{definition.name}()"), (4, 6, 6, 6)[: rank + 1])
    return Checked(sequence(layers, layers[0].in_shape))


# Shapes, counts, costs


@each_case
@few
@given(data=st.data())
def test_torch_gives_the_shape_and_the_parameters(definition: LayerDef, rank: int, data: st.DataObject) -> None:
    layers = drawn(data, definition, rank)
    with torch.device("meta"):
        Checked(layers)(torch.empty(2, *layers.in_shape))


@each_case
@few
@given(data=st.data())
def test_torch_counts_as_many_multiply_adds(definition: LayerDef, rank: int, data: st.DataObject) -> None:
    layers = drawn(data, definition, rank)
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        Checked(layers).eval()(torch.empty(1, *layers.in_shape))
    assert counter.get_total_flops() == 2 * sum(layer.multiply_adds for layer in layers.items)
