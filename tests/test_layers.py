"""The contract of the vocabulary: what each row of the table says about its layer is what torch does."""

import inspect
from itertools import product
from math import ceil, prod

import pytest
import torch
from hypothesis import assume, given, settings, strategies as st
from interpreter import Checked, torch_module
from programs import call, calls, placed, shapes
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from dcgan_compiler.binding import bind
from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.ir import Layer, Sequence, Shape
from dcgan_compiler.layers import VOCABULARY, place
from dcgan_compiler.layers.definition import ATTENTION, OPERATOR, Draft, LayerDef
from dcgan_compiler.layers.geometry import Window, same_padding
from dcgan_compiler.policy import Policy
from dcgan_compiler.problems import DOES_NOT_FIT, NOT_DIVISIBLE, SIZE_MISMATCH, WRONG_RANK
from dcgan_compiler.source import Source, Span

SPAN = Span(Source("test", ""), 0, 0)
each_layer = pytest.mark.parametrize("definition", VOCABULARY.values(), ids=VOCABULARY)
some_examples = settings(max_examples=20, deadline=None)
UPSAMPLE = ("transpose", "nearest", "bilinear", "pixel_shuffle")
UNPOOL = ("nearest", "bilinear", "transpose")


def sequence(layers: list[Layer], in_shape: Shape) -> Sequence:
    return Sequence.build(layers, in_shape, SPAN)


def drawn_call(data: st.DataObject, definition: LayerDef) -> tuple[str, Shape]:
    """A layer with random arguments, and a random input for it."""
    in_shape = data.draw(st.sampled_from(definition.ranks).flatmap(shapes))
    return data.draw(calls(definition, in_shape)), in_shape


def drawn(data: st.DataObject, definition: LayerDef) -> Sequence:
    """A layer with random arguments on a random input, as the layers that it stands for."""
    text, in_shape = drawn_call(data, definition)
    try:
        return sequence(placed(text, in_shape), in_shape)
    except Problem:
        assume(False)
        raise


def plain(definition: LayerDef, rank: int | None = None, **more: object) -> Sequence:
    """A layer with the arguments that it must have and some more, on 8 channels with places of its largest rank."""
    values = {"kernel_size": 3, "unflattened_size": "(4, 2)", "padding": 1}
    required = [parameter.name for parameter in definition.parameters if parameter.required]
    arguments = {name: values.get(name, 2) for name in required}
    arguments |= {"scale_factor": 2} if definition.name == "upsample" else {}
    arguments |= {name: str(value).lower() for name, value in more.items()}
    in_shape = (8, 6, 6, 6)[: 1 + (max(definition.ranks) if rank is None else rank)]
    written = ", ".join(f"{name}={value}" for name, value in arguments.items())
    return sequence(placed(f"{definition.name}({written})", in_shape), in_shape)


def doubles(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


# Shapes, parameters, costs


def check_on_torch(layers: Sequence) -> None:
    """Shapes, parameters and cost are those of torch."""
    with torch.device("meta"):
        module = Checked(layers)  # which compares shapes and parameters
        with FlopCounterMode(display=False) as counter:
            module(torch.empty(2, *layers.in_shape))
    assert counter.get_total_flops() == 2 * 2 * sum(layer.multiply_adds for layer in layers.items)


# Layers at the edge of what they take, or with arguments that are seldom drawn together: the input and the output.
EDGES: dict[str, tuple[Shape, Shape]] = {
    "conv(6, (3, 2), stride=(3, 2), dilation=(2, 1), groups=3)": ((3, 9, 8), (6, 2, 4)),
    "conv(4, 4, weight_norm=true)": ((3, 4, 4), (4, 1, 1)),
    'conv(4, 5, padding=4, padding_mode="reflect")': ((2, 5), (4, 9)),
    'conv(4, 5, padding=5, padding_mode="circular")': ((2, 5), (4, 11)),
    "conv(2, 1, padding=2)": ((2, 3, 4, 5), (2, 7, 8, 9)),
    "conv(2, 2, dilation=2, padding=1, bias=false)": ((2, 6), (2, 6)),
    "conv(2, 2, dilation=3, stride=2)": ((2, 9), (2, 3)),
    'conv(2, 3, padding="valid")': ((2, 6, 6), (2, 4, 4)),
    'conv(2, (4, 3), padding="same")': ((2, 6, 6), (2, 6, 6)),
    'conv(2, 1, stride=3, padding="same")': ((2, 6, 7), (2, 2, 3)),
    'conv(2, (4, 2), stride=(2, 1), padding="same", padding_mode="reflect")': ((2, 7, 6), (2, 4, 6)),
    'depthwise_conv(2, padding="same", padding_mode="replicate")': ((2, 6), (2, 6)),
    "depthwise_conv(3, stride=2, multiplier=2)": ((3, 7, 5), (6, 3, 2)),
    "depthwise_conv(3, bias=false)": ((2, 4, 4, 4), (2, 2, 2, 2)),
    "depthwise_conv(3)": ((1, 4), (1, 2)),
    "conv_transpose(6, (3, 2), stride=2, padding=(1, 0), output_padding=(1, 0), groups=2)": ((4, 3, 4), (6, 6, 8)),
    "conv_transpose(3, 2, stride=1, dilation=3, output_padding=2, weight_norm=true)": ((2, 5), (3, 10)),
    "conv_transpose(3, 1, bias=false)": ((2, 1, 1, 1), (3, 1, 1, 1)),
    "linear(3, weight_norm=true)": ((4,), (3,)),
    "linear(3, bias=false)": ((4,), (3,)),
    "max_pool(2)": ((2, 5), (2, 2)),
    "max_pool(3, stride=2, padding=1, dilation=2, ceil_mode=true)": ((2, 8, 7), (2, 4, 3)),
    "max_pool(2, stride=3, ceil_mode=true)": ((2, 6), (2, 2)),
    "max_pool(2, dilation=2, ceil_mode=true)": ((2, 2, 3), (2, 1, 1)),
    "avg_pool(4, stride=3, ceil_mode=true)": ((2, 2), (2, 1)),
    "max_pool((1, 3))": ((2, 4, 4), (2, 4, 1)),
    "max_pool(1)": ((2, 4, 4, 4), (2, 4, 4, 4)),
    "avg_pool(2, stride=2, padding=1, count_include_pad=false)": ((2, 4), (2, 3)),
    "avg_pool(2, ceil_mode=true)": ((2, 3, 5, 7), (2, 2, 3, 4)),
    "adaptive_avg_pool(3)": ((2, 3), (2, 3)),
    "adaptive_max_pool((2, 4))": ((2, 5, 4), (2, 2, 4)),
    "adaptive_avg_pool((2, 3, 1))": ((2, 5, 7, 4), (2, 2, 3, 1)),
    "global_avg_pool()": ((2, 5), (2,)),
    "global_sum_pool()": ((2, 5, 4, 3), (2,)),
    "upsample(1)": ((2, 3, 1), (2, 1, 1)),
    "upsample((6, 4, 2))": ((2, 3, 4, 2), (2, 6, 4, 2)),
    'upsample((4, 6), mode="linear")': ((2, 4, 2), (2, 4, 6)),
    "upsample(scale_factor=1.5)": ((2, 3), (2, 4)),
    "upsample(scale_factor=(2, 3, 1))": ((2, 1, 2, 3), (2, 2, 6, 3)),
    "pixel_shuffle(3)": ((18, 2, 5), (2, 6, 15)),
    "pixel_unshuffle(3)": ((2, 6, 9), (18, 2, 3)),
    "flatten()": ((2, 3), (6,)),
    "unflatten((2, 1, 3, 1))": ((6,), (2, 1, 3, 1)),
    "pad(1)": ((2, 3), (2, 5)),
    "pad((1,))": ((2, 3), (2, 5)),
    "pad((0, 2))": ((2, 3), (2, 5)),
    "pad((1, 2))": ((2, 3, 4), (2, 5, 8)),
    "pad((1, 2, 3, 0))": ((2, 3, 4), (2, 6, 7)),
    "pad((1, 2, 3))": ((2, 3, 3, 3), (2, 5, 7, 9)),
    "pad((1, 2, 3, 4, 5, 6))": ((2, 3, 3, 3), (2, 14, 10, 6)),
    'pad((2, 0), mode="reflect")': ((2, 3), (2, 5)),
    'pad(4, mode="replicate")': ((2, 3), (2, 11)),
    "crop(1)": ((2, 3), (2, 1)),
    "crop((0, 1, 2, 0))": ((2, 3, 4), (2, 1, 3)),
    "crop((1, 0, 2))": ((2, 3, 4, 5), (2, 1, 4, 1)),
}


@pytest.mark.parametrize("text", EDGES)
def test_layers_at_their_edges(text: str) -> None:
    in_shape, out_shape = EDGES[text]
    layers = sequence(placed(text, in_shape), in_shape)
    assert layers.out_shape == out_shape
    check_on_torch(layers)
    for upsample, unpool in product(UPSAMPLE, UNPOOL):
        check_mirror(layers, Policy(upsample=upsample, unpool=unpool))


@pytest.mark.parametrize(
    ("text", "in_shape"),
    [
        ("flatten()", (6,)),
        ("pad(0)", (2, 3)),
        ("crop((0, 0))", (2, 3, 4)),
    ],
)
def test_what_changes_nothing_is_left_out(text: str, in_shape: Shape) -> None:
    assert placed(text, in_shape) == []


@each_layer
@some_examples
@given(data=st.data())
def test_shape_parameters_and_cost_are_those_of_torch(definition: LayerDef, data: st.DataObject) -> None:
    check_on_torch(drawn(data, definition))


RANKS = {
    **dict.fromkeys(("linear", "unflatten"), {0}),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), {2}),
    **dict.fromkeys(("flatten", "identity", "dropout"), {0, 1, 2, 3}),
    **dict.fromkeys(("instance_norm", "local_response_norm"), {1, 2, 3}),
}
RANKS_OF_ROLES = {"operator": {1, 2, 3}, "attention": {1, 2, 3}}


@each_layer
def test_every_rank_and_every_flag(definition: LayerDef) -> None:
    flags = [parameter.name for parameter in definition.parameters if isinstance(parameter.default, bool)]
    taken = RANKS.get(definition.name, RANKS_OF_ROLES.get(definition.role, {0, 1, 2, 3}))
    for rank, values in product(range(4), product((False, True), repeat=len(flags))):
        given_flags = dict(zip(flags, values, strict=True))
        try:
            layers = plain(definition, rank, **given_flags)
        except Problem as problem:
            clash = given_flags.get("spectral_norm") and given_flags.get("weight_norm")
            assert rank not in taken or clash or problem.diagnostic.kind == WRONG_RANK and given_flags["channels"]
            continue
        assert rank in taken
        with torch.device("meta"):
            Checked(layers)(torch.empty(2, *layers.in_shape))


@each_layer
@some_examples
@given(data=st.data())
def test_what_does_not_fit_does_not_fit_in_torch(definition: LayerDef, data: st.DataObject) -> None:
    text, in_shape = drawn_call(data, definition)
    try:
        placed(text, in_shape)
    except Problem as problem:
        if definition.module and problem.diagnostic.kind in (DOES_NOT_FIT, NOT_DIVISIBLE, SIZE_MISMATCH):
            with pytest.raises((RuntimeError, ValueError)):
                run_unchecked(definition, text, in_shape)


def run_unchecked(definition: LayerDef, text: str, in_shape: Shape) -> None:
    """The torch module of a layer that the compiler refuses."""
    arguments, _ = bind(definition, call(text), {"in_channels": in_shape[0]}, len(in_shape) - 1)
    assert arguments is not None and definition.module is not None
    try:
        drafts = definition.expand(in_shape, arguments) or [Draft(definition.name, arguments)]
    except Problem as problem:
        raise ValueError("refused before there is a module") from problem
    x = torch.empty(2, *in_shape)
    for draft in drafts:
        made = VOCABULARY[draft.name]
        width = draft.arguments.get(made.width or "multiplier", in_shape[0])
        out_shape = draft.arguments.get("unflattened_size", (width, *in_shape[1:]))
        assert made.module is not None
        module = made.module(Layer(made, draft.arguments, tuple(x.shape[1:]), out_shape, SPAN))
        x = getattr(nn, module.name)(*module.positional, **dict(module.keywords))(x)
        if not x.numel():
            raise ValueError("nothing is left")


# The mirror


@each_layer
@some_examples
@given(
    data=st.data(),
    upsample=st.sampled_from(UPSAMPLE),
    unpool=st.sampled_from(UNPOOL),
    spectral_norm=st.sampled_from(("keep", "drop")),
)
def test_the_mirror_gives_back_the_input_shape(
    definition: LayerDef, data: st.DataObject, upsample: str, unpool: str, spectral_norm: str
) -> None:
    check_mirror(drawn(data, definition), Policy(upsample=upsample, unpool=unpool, spectral_norm=spectral_norm))


def check_mirror(layers: Sequence, choices: Policy) -> None:
    """Each layer's mirror gives back what entered it, by what is inferred and on torch."""
    for layer in layers.items:
        assert isinstance(layer, Layer)
        if layer.definition.mirror is None:
            continue
        try:
            drafts = layer.definition.mirror(layer, choices)
        except Problem:
            assert choices.upsample == "pixel_shuffle", "the only choice that can not always be had"
            continue
        undone: list[Layer] = []
        for draft in drafts:
            undone += place(draft, undone[-1].out_shape if undone else layer.out_shape, SPAN)
        mirrored = sequence(undone, layer.out_shape)
        assert mirrored.out_shape == layer.in_shape
        with torch.device("meta"):
            Checked(mirrored)(torch.empty(2, *layer.out_shape))


@each_layer
def test_what_keeps_its_place_keeps_the_shape(definition: LayerDef) -> None:
    """Only operators are undone; the mirror takes every other layer over as it is."""
    layers = plain(definition)
    if definition.role != OPERATOR:
        assert definition.mirror is None
        assert layers.in_shape == layers.out_shape


# Names and defaults


@each_layer
def test_parameters_are_torchs_in_torchs_order(definition: LayerDef) -> None:
    """Those that torch's constructor has, too, stand in its order and have its defaults."""
    layers = plain(definition)
    if definition.module is None or not layers.items:
        return
    module = definition.module(layers.items[0])
    theirs = inspect.signature(getattr(nn, module.name)).parameters
    shared = {p.name: p.default for p in definition.parameters if p.name in theirs}
    assert list(shared) == [name for name in theirs if name in shared]
    for name, default in shared.items():
        optional = theirs[name].default is not inspect.Parameter.empty
        assert default == theirs[name].default if optional and name != "dim" else True, name


@each_layer
def test_every_layer_explains_itself(definition: LayerDef) -> None:
    for text in (definition.summary, definition.shape_rule, definition.mirror_rule):
        assert text and text == text.strip() and not text.endswith(".")


# Properties that the passes rely on


@each_layer
def test_an_expression_does_what_the_module_does(definition: LayerDef) -> None:
    layers = plain(definition)
    if definition.expression is not None and definition.module is not None:
        x = doubles(2, *layers.in_shape)
        [layer] = layers.items
        assert isinstance(layer, Layer)
        assert torch.equal(Checked(layers)(x), torch_module(layer)(x))


@each_layer
def test_what_is_elementwise_commutes_with_nearest_upsampling(definition: LayerDef) -> None:
    layers = plain(definition)
    if definition.elementwise:
        run, repeated = Checked(layers).double(), nn.Upsample(scale_factor=2)
        x = doubles(2, 8, 6, 6, 6)
        larger = Checked(sequence(placed(f"{definition.name}()", (8, 12, 12, 12)), (8, 12, 12, 12))).double()
        torch.testing.assert_close(larger(repeated(x)), repeated(run(x)))


@each_layer
def test_an_activation_acts_on_each_number_alone_where_the_table_says_so(definition: LayerDef) -> None:
    layers = plain(definition)
    if definition.role == "activation" and layers.items:
        run, x = Checked(layers).double(), doubles(1, *layers.in_shape)
        other = x.clone()
        other[0, 3, 1, 0, 1] = 1
        assert definition.elementwise == ((run(x) != run(other)).sum() == 1)


@each_layer
def test_what_centers_ignores_a_bias(definition: LayerDef) -> None:
    layers = plain(definition)
    x = doubles(8, *layers.in_shape)
    bias = doubles(layers.in_shape[0]).reshape(-1, *[1] * (len(layers.in_shape) - 1))
    run = Checked(layers).double()
    if definition.role == "norm":
        ignored = torch.allclose(run(x), run(x + bias), atol=1e-3)
        assert ignored == definition.centers


@each_layer
def test_what_pools_makes_fewer_values_of_each_channel(definition: LayerDef) -> None:
    """It has no weights to choose them, and does not cut them off as a crop does."""
    layers = plain(definition)
    (channels, *places), (kept, *fewer) = layers.in_shape, layers.out_shape
    pooled = channels == kept and prod(fewer) < prod(places)
    chosen = sum(layer.parameters for layer in layers.items) > 0 or definition.rearranges
    assert definition.pools == (definition.role == OPERATOR and pooled and not chosen)


@each_layer
def test_what_pools_shrinks_a_constant_map_to_itself(definition: LayerDef) -> None:
    layers = plain(definition)
    if definition.pools and definition.name != "global_sum_pool":
        x = torch.ones(2, *layers.in_shape)
        assert torch.equal(Checked(layers)(x), torch.ones(2, *layers.out_shape))


@each_layer
def test_what_rearranges_gives_values_that_arrive_each_at_most_once(definition: LayerDef) -> None:
    """Of a layer that takes the largest values, or begins with a weight of zero, nothing is said."""
    layers = plain(definition)
    if layers.items and not definition.pools and definition.role != ATTENTION:
        x = doubles(2, *layers.in_shape)
        values = Checked(layers).double()(x).flatten().tolist()
        assert definition.rearranges == (len(set(values)) == len(values) and set(values) <= set(x.flatten().tolist()))


@each_layer
def test_an_activation_is_inplace_where_torch_differentiates_it_by_its_output(definition: LayerDef) -> None:
    """Of any other input torch keeps a copy for the backward pass, so that nothing is spared. Clamps are, too."""
    layers = plain(definition)
    if definition.role != "activation" or definition.module is None or not layers.items:
        return
    made = getattr(nn, definition.module(layers.items[0]).name)
    if "inplace" not in inspect.signature(made).parameters:
        assert not definition.inplace
        return
    x = torch.randn(9, requires_grad=True).clone()
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(kept.append, lambda tensor: tensor):
        made(inplace=True)(x)
    is_spared = all(tensor.data_ptr() == x.data_ptr() for tensor in kept)
    assert definition.inplace == (is_spared or definition.name in ("hardtanh", "relu6"))


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_self_attention_is_that_of_torch(heads: int) -> None:
    """Between its projections, with a scale of 1, and the channels split over the heads."""
    [layer] = placed(f"self_attention(heads={heads}, reduction=2)", (8, 3, 5))
    attention = torch_module(layer).double()
    attention.gain.data.fill_(0.7)
    x = doubles(2, 8, 3, 5)
    parts = [
        part(x).flatten(2).unflatten(1, (heads, -1)).transpose(2, 3)
        for part in (attention.query, attention.key, attention.value)
    ]
    attended = nn.functional.scaled_dot_product_attention(*parts, scale=1).transpose(2, 3).reshape(2, 4, 3, 5)
    torch.testing.assert_close(attention(x), x + 0.7 * attention.output(attended))


def test_same_padding_is_the_least_that_gives_a_place_for_each_stride() -> None:
    """As many places as the size holds strides, rounded up, and the odd element of the padding after the map."""
    for k, s, d, n in product(range(1, 5), range(1, 4), range(1, 3), range(1, 10)):
        window = Window(k, s, 0, d)
        before, after = same_padding(n, window)
        places, total = ceil(n / s), before + after
        assert window.positions(n + total) == places, (window, n)
        assert total == 0 or window.positions(n + total - 1) < places, (window, n)
        assert after - before in (0, 1)


def test_windows_stand_where_those_of_torch_do() -> None:
    assert Window(5) == (5, 1, 0, 1)
    grid = product(range(1, 5), range(1, 4), range(3), range(1, 3), range(1, 10))
    for k, s, p, d, n in grid:
        window = Window(k, s, p, d)
        if 2 * p > k:
            continue
        for is_ceil, places in ((False, window.positions(n)), (True, window.positions_ceil(n))):
            pool = nn.MaxPool1d(k, s, p, d, ceil_mode=is_ceil)
            if places < 1:
                with pytest.raises(RuntimeError, match="too small|Invalid computed output size"):
                    pool(torch.zeros(1, 1, n))
            else:
                assert pool(torch.zeros(1, 1, n)).shape[-1] == places, (window, n, is_ceil)
        transposed = nn.ConvTranspose1d(1, 1, k, s, p, dilation=d)
        if window.spread(n) > 0:
            assert transposed(torch.zeros(1, 1, n)).shape[-1] == window.spread(n), (window, n)
