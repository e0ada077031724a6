"""The laws of the mirror, on known networks and on random ones. docs/mirror.md states them."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import assume, given, settings
from interpreter import Checked, check_on_torch
from programs import linear_programs
from torch import Tensor

from dcgan_compiler.codegen.structure import flattened
from dcgan_compiler.compiler import analyse
from dcgan_compiler.diagnostics import render_all
from dcgan_compiler.ir import Gate, Model, Network, Node, Parallel, Sequence, Shape, Skip, layers
from dcgan_compiler.layers.definition import NORM, Draft
from dcgan_compiler.mirror import mirror
from dcgan_compiler.policy import Policy
from dcgan_compiler.source import Source

DCGAN = (
    "conv(8) -> leaky_relu(0.2)\nconv(16) -> batch_norm -> leaky_relu(0.2)\nconv(32) -> batch_norm -> leaky_relu(0.2)"
)
K4S2 = "default conv(kernel_size=4, stride=2, padding=1, bias=false)"
PLAIN = "norm same\nactivation same\noutput identity"


def model(
    body: str,
    input_shape: Shape,
    options: str = "",
    *,
    kind: str = "autoencoder",
    latent: int | None = None,
    top: str = K4S2,
) -> Model:
    """The typed model of a description, run on torch, too."""
    source, derived = ("discriminator", "generator") if kind == "gan" else ("encoder", "decoder")
    latent_line = "" if latent is None else f"latent {latent}"
    text = "\n".join(
        (
            f"{kind} Net {{\n{top}\ninput {input_shape}\n{latent_line}",
            f"{source} {{\n{body}\n}}\n{derived} mirror {{\n{options}\n}}\n}}",
        )
    )
    compilation = analyse(Source("net.dgan", text))
    assert compilation.model is not None, render_all(compilation.diagnostics)
    check_on_torch(compilation.model)
    return compilation.model


def names(node: Node | Network) -> str:
    """The names of the layers, in the order in which they run."""
    return " ".join(layer.name for layer in layers(node.body if isinstance(node, Network) else node))


def sizes(network: Network) -> list[int]:
    """The first spatial size after every layer that changes it."""
    found = [network.in_shape[1]]
    for layer in network.layers:
        found += [layer.out_shape[1]] if len(layer.out_shape) > 1 and layer.out_shape[1] != found[-1] else []
    return found


def lines(network: Network) -> list[Sequence]:
    return [item for item in network.body.items if isinstance(item, Sequence)]


# Sizes


@pytest.mark.parametrize(
    ("body", "input_shape", "down"),
    [
        ("repeat 3 { conv(8, kernel_size=3) -> relu }", (1, 28, 28), [28, 14, 7, 4]),
        ("repeat 3 { conv(8) -> relu }", (1, 28, 28), [28, 14, 7, 3]),
        ("repeat 4 { conv(8, kernel_size=3) -> relu }", (1, 25, 25), [25, 13, 7, 4, 2]),
        ("repeat 2 { conv(8, kernel_size=3, stride=1) -> relu -> max_pool(2) }", (1, 28, 28), [28, 14, 7]),
        ("repeat 4 { conv(4) -> relu }", (3, 1225, 966), [1225, 612, 306, 153, 76]),
        ("conv(8, kernel_size=(3, 5), stride=(1, 2)) -> relu\nconv(8, kernel_size=(3, 5))", (3, 96, 160), [96, 48]),
        ("max_pool(2, ceil_mode=true) -> conv(4, kernel_size=3, stride=1)", (1, 27, 27), [27, 14]),
        ("max_pool(3, stride=2, padding=1, ceil_mode=true)", (2, 15, 15), [15, 8]),
        ("avg_pool(3, stride=2, padding=1) -> adaptive_avg_pool((3, 2))", (2, 16, 11), [16, 8, 3]),
        ("conv(8, kernel_size=3, dilation=3, stride=3, padding=0)", (3, 20, 20), [20, 5]),
        ("conv(8, kernel_size=25, stride=4, padding=11)", (1, 16384), [16384, 4096]),
        ("conv(8) -> relu\nconv(16)", (1, 33, 17, 9), [33, 16, 8]),
        ("pixel_unshuffle(2) -> conv(8, stride=1, kernel_size=3)", (3, 14, 10), [14, 7]),
    ],
)
@pytest.mark.parametrize("upsample", ["transpose", "nearest", "bilinear"])
@pytest.mark.parametrize("unpool", ["transpose", "nearest"])
def test_the_mirror_takes_the_same_sizes_back(
    body: str, input_shape: Shape, down: list[int], upsample: str, unpool: str
) -> None:
    found = model(body, input_shape, f"upsample {upsample}\nunpool {unpool}")
    assert sizes(found.source) == down
    assert found.derived.out_shape == input_shape
    kept = [size for size in sizes(found.derived) if size in down]
    assert kept == down[::-1]


def test_sizes_are_exact_without_any_resize() -> None:
    """Transposed convolutions alone: their output padding is what a strided convolution left over."""
    found = model("repeat 3 { conv(8, kernel_size=3) }", (1, 28, 28), "output identity")
    assert [layer.arguments["output_padding"] for layer in found.derived.layers] == [(0, 0), (1, 1), (1, 1)]
    assert names(found.derived) == "conv_transpose conv_transpose conv_transpose"


def test_pixel_shuffle_crops_to_the_exact_size() -> None:
    found = model("conv(8, kernel_size=3)", (3, 27, 30), "upsample pixel_shuffle\noutput identity")
    assert names(found.derived) == "conv pixel_shuffle crop"


@pytest.mark.parametrize("upsample", ["transpose", "nearest", "bilinear", "pixel_shuffle"])
@pytest.mark.parametrize(("stride", "after"), [(1, (8, 9, 10)), (2, (8, 5, 5))])
def test_same_padding_with_an_even_kernel(stride: int, after: Shape, upsample: str) -> None:
    found = model(f'conv(8, kernel_size=(2, 4), stride={stride}, padding="same")', (3, 9, 10), f"upsample {upsample}")
    assert (found.source.out_shape, found.derived.out_shape) == (after, (3, 9, 10))


def test_uneven_padding_is_a_pad_and_its_mirror_a_crop() -> None:
    found = model('conv(8, stride=1, padding="same")', (3, 9, 9), "output identity")
    assert names(found.source) == "pad conv"
    assert names(found.derived) == "conv_transpose crop"


# The exact transpose


def operators(module: Checked) -> list[Checked]:
    """What has weights or branches, out of the lines and blocks."""
    found: list[Checked] = []
    for part in module.parts:
        if isinstance(part.node, Sequence):
            found += operators(part)
        elif isinstance(part.node, Parallel) or part.node.parameters:
            found.append(part)
    return found


def copy_weights(source: Checked, mirrored: Checked) -> None:
    """Sets the weights of a mirror to those of what it mirrors, operators in reverse order, and all biases to zero."""
    for one, other in zip(reversed(operators(source)), operators(mirrored), strict=True):
        if isinstance(one.node, Parallel):
            for branch, undone in zip(one.parts, other.parts, strict=True):
                copy_weights(branch, undone)
            continue
        [original], [copy] = one.parts, other.parts
        copy.weight.copy_(original.weight.T if one.node.name == "linear" else original.weight)
        for module in (original, copy):
            if module.bias is not None:
                module.bias.zero_()


def noise(shape: Shape) -> Tensor:
    return torch.randn(1, *shape, dtype=torch.float64)


@settings(max_examples=150, deadline=None)
@given(linear_programs())
def test_the_mirror_is_the_adjoint(text: str) -> None:
    """For linear operators only, with the same weights: <D(x), y> == <x, G(y)>."""
    found = analyse(Source("net.dgan", text)).model
    assume(found is not None)
    assert found is not None
    forward, backward = Checked(found.source.body).double(), Checked(found.derived.body).double()
    x, y = noise(found.source.in_shape), noise(found.source.out_shape)
    with torch.no_grad():
        copy_weights(forward, backward)
        torch.testing.assert_close((forward(x) * y).sum(), (x * backward(y)).sum(), rtol=1e-9, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(linear_programs())
def test_the_mirror_of_the_mirror_is_the_network(text: str) -> None:
    """In shapes, and but for the paddings of one operator, in operators."""
    found = analyse(Source("net.dgan", text)).model
    assume(found is not None)
    assert found is not None
    twice = mirror(found.derived.body, Policy(output=Draft("identity", {})))
    assert (twice.in_shape, twice.out_shape) == (found.source.in_shape, found.source.out_shape)
    assert weighty(twice) == weighty(found.source.body)


def weighty(body: Sequence) -> list[tuple[str, Shape]]:
    """The layers with weights; a stride-1 convolution of one channel to each is the same both ways."""
    return [(layer.name.replace("depthwise_", ""), layer.out_shape[:1]) for layer in layers(body) if layer.parameters]


# Norms and activations


def test_the_mirror_of_the_dcgan_discriminator_is_the_dcgan_generator() -> None:
    body = f"{DCGAN}\nconv(1, stride=1, padding=0)"
    found = model(body, (3, 32, 32), kind="gan", latent=100)
    assert names(found.derived) == ("unflatten" + " conv_transpose batch_norm relu" * 3 + " conv_transpose tanh")
    assert not any(layer.arguments.get("bias") for layer in found.derived.layers)


def test_what_stood_between_two_operators_stands_between_their_mirrors() -> None:
    found = model("conv(8) -> batch_norm -> elu -> dropout\nconv(16) -> relu\nconv(32) -> tanh", (3, 32, 32), PLAIN)
    assert names(found.derived) == "conv_transpose relu conv_transpose batch_norm elu dropout conv_transpose"


@pytest.mark.parametrize(
    ("options", "between"),
    [
        ("", "batch_norm leaky_relu dropout"),
        ("norm none", "leaky_relu dropout"),
        ("norm instance_norm", "instance_norm leaky_relu dropout"),
        ("norm group_norm(4)\nactivation silu", "group_norm silu dropout"),
        ("activation identity", "batch_norm dropout"),
        ("dropout drop", "batch_norm leaky_relu"),
    ],
)
def test_options_replace_what_stands_between(options: str, between: str) -> None:
    found = model("conv(8) -> batch_norm -> leaky_relu(0.2) -> dropout\nconv(16)", (3, 32, 32), options)
    assert names(found.derived) == f"conv_transpose {between} conv_transpose sigmoid"


def test_a_norm_is_put_before_an_activation_that_had_none() -> None:
    found = model("conv(8) -> relu\nconv(16)", (3, 32, 32), "norm layer_norm")
    assert names(found.derived) == "conv_transpose layer_norm relu conv_transpose sigmoid"


def test_a_norm_without_an_activation_stays_where_it_stood() -> None:
    body = "a: conv(4)\nn: batch_norm\nd: dropout\nb: conv(8) -> dropout -> batch_norm\nc: conv(8)"
    found = model(body, (3, 32, 32), "norm instance_norm")
    assert [(line.name, names(line)) for line in lines(found.derived)] == [
        ("c", "conv_transpose dropout instance_norm"),
        ("b", "conv_transpose"),
        ("n", "instance_norm"),
        ("d", "dropout"),
        ("a", "conv_transpose sigmoid"),
    ]


def test_no_norm_stands_directly_before_the_output() -> None:
    found = model("batch_norm -> conv(8) -> batch_norm\nconv(16) -> batch_norm -> relu", (3, 32, 32))
    roles = [layer.definition.role for layer in found.derived.layers]
    assert roles[-2:] == ["operator", "activation"] and NORM in roles


def test_a_bias_is_left_out_directly_before_a_norm_that_centers() -> None:
    body = "conv(8, bias=true) -> relu\nconv(16, bias=true) -> relu\nconv(16, bias=true)"
    for norm, biases in (("batch_norm", [False, False, True]), ("layer_norm", [True] * 3), ("none", [True] * 3)):
        found = model(body, (3, 32, 32), f"norm {norm}")
        assert [layer.arguments["bias"] for layer in found.derived.layers if "kernel_size" in layer.arguments] == biases


def test_an_activation_moves_before_nearest_upsampling() -> None:
    found = model("conv(8, stride=1, kernel_size=3) -> relu -> max_pool(2)\nconv(4)", (3, 16, 16))
    assert names(found.derived) == "conv_transpose relu upsample conv_transpose sigmoid"


@pytest.mark.parametrize(("option", "kept"), [("keep", True), ("drop", False)])
def test_spectral_norm_is_kept_or_dropped(option: str, kept: bool) -> None:
    gate = "gate { conv(8, kernel_size=1, stride=1, padding=0, spectral_norm=true) -> sigmoid }"
    between = f"self_attention(spectral_norm=true) -> {gate}"
    body = f"conv(8, spectral_norm=true) -> {between}\nflatten -> linear(4, spectral_norm=true)"
    found = model(body, (3, 8, 8), f"spectral_norm {option}")
    assert [layer.arguments["spectral_norm"] for layer in found.derived.layers if layer.parameters] == [kept] * 4


def test_width_is_a_factor_on_the_hidden_channels() -> None:
    found = model(f"{DCGAN}\nflatten -> linear(1)", (3, 32, 32), "width 2", kind="gan", latent=10)
    channels = [layer.out_shape[0] for layer in found.derived.layers if layer.name == "conv_transpose"]
    assert channels == [32, 16, 3]
    assert next(found.derived.body.items[0].items.__iter__()).out_shape == (64 * 4 * 4,)


@pytest.mark.parametrize(("width", "channels"), [("1 / 64", 1), ("0.3", 2), ("2", 16), ("64", 512)])
def test_width_rounds_to_whole_channels_but_to_one_at_least(width: str, channels: int) -> None:
    found = model("conv(8)\nconv(4)", (1, 8, 8), f"width {width}")
    assert [layer.out_shape[0] for layer in found.derived.layers] == [channels, 1, 1]


@pytest.mark.parametrize(
    "body",
    [
        "conv(8) -> relu\nconv(16)",
        "conv(8) -> relu\nconv(16) -> max_pool(2)",
        "conv(8) -> relu\nconv(16) -> residual { conv(16, kernel_size=3, stride=1) }",
        "conv(8) -> relu\nsum { branch { conv(16) -> relu } branch { conv(4) -> depthwise_conv(1, multiplier=4) } }",
        "conv(8) -> relu\nsum { branch { conv(16) } branch { sum { branch { conv(16) } branch { conv(16) } } } }",
    ],
)
def test_width_leaves_the_code_as_it_is(body: str) -> None:
    found = model(body, (3, 32, 32), "width 2")
    assert found.derived.in_shape == found.source.out_shape
    assert max(layer.out_shape[0] for layer in found.derived.layers) >= 16


def test_options_at_a_label_hold_for_the_mirror_of_that_line() -> None:
    found = model(
        "a: conv(8) -> relu\nb: conv(8) -> relu\nc: conv(8)",
        (3, 32, 32),
        "norm batch_norm\nat b { norm none; upsample nearest }",
    )
    assert [names(line) for line in lines(found.derived)] == [
        "conv_transpose batch_norm relu",
        "upsample conv relu",
        "conv_transpose sigmoid",
    ]
    assert [(line.name, line.mirrors) for line in lines(found.derived)] == [("c", "c"), ("b", "b"), ("a", "a")]


def test_a_line_whose_layers_part_in_the_mirror_gives_its_label_to_those_with_weights() -> None:
    body = "a: conv(4)\nb: batch_norm -> dropout -> max_pool(2)\nc: conv(8, padding=1)"
    found = model(body, (3, 32, 32), "dropout keep\nskips concat")
    assert {line.name: names(line) for line in lines(found.derived) if line.mirrors == "b"} == {
        "b": "batch_norm",
        "block4": "dropout",
    }
    assert len({line.name for line in lines(found.derived)}) == len(lines(found.derived))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("conv(4)\nflatten -> linear(1) -> sigmoid", "block1 head"),
        ("conv(4)\nflatten -> linear(1) -> dropout", "block1 block2"),
        ("conv(4)\nflatten -> linear(4) -> linear(1)", "block1 block2"),
        ("head: conv(4)\nflatten -> linear(1)", "head block2"),
        ("block2: conv(4)\nconv(4)\nflatten -> linear(1)", "block2 block2_2 head"),
        ("block2: conv(4)\nconv(4)\nblock2_2: flatten -> linear(1)", "block2 block2_3 block2_2"),
    ],
)
def test_lines_without_a_label_are_numbered_and_the_last_may_be_the_head(body: str, expected: str) -> None:
    found = model(body, (3, 32, 32), kind="gan", latent=8)
    assert " ".join(str(line.name) for line in lines(found.source)) == expected


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("relu -> max_pool(2) -> dropout", [("b", "relu"), ("block3", "max_pool dropout")]),
        ("relu -> max_pool(2) -> batch_norm", [("block2", "relu"), ("b", "max_pool batch_norm")]),
        ("batch_norm -> max_pool(2) -> batch_norm", [("b", "batch_norm"), ("block3", "max_pool batch_norm")]),
    ],
)
def test_a_line_that_a_skip_connection_cuts_has_two_names(line: str, parts: list[tuple[str, str]]) -> None:
    """The label goes to the first part with weights, or else to the first."""
    found = model(f"a: conv(4)\nb: {line}\nc: conv(8)", (3, 32, 32), "skips concat")
    assert [(line.name, names(line)) for line in lines(found.source)] == [("a", "conv"), *parts, ("c", "conv")]


# Branches


def branches(network: Network) -> list[str]:
    """The names in each branch of the first node with branches."""
    return [names(branch) for branch in next(parallels(network.body)).branches]


def parallels(body: Sequence) -> Iterator[Parallel]:
    for item in body.items:
        if isinstance(item, Sequence):
            yield from parallels(item)
        elif isinstance(item, Parallel):
            yield item


CONV3 = "conv({}, kernel_size=3, stride=1)"


def test_a_preactivation_branch_stays_one() -> None:
    body = f"residual {{\nbatch_norm -> relu -> {CONV3.format(8)}\nbatch_norm -> relu -> {CONV3.format(3)}\n}}"
    found = model(body, (3, 16, 16), PLAIN)
    assert branches(found.derived) == ["batch_norm relu conv_transpose batch_norm relu conv_transpose", ""]


def test_a_postactivation_branch_stays_one() -> None:
    residual = f"residual {{\n{CONV3.format(8)} -> batch_norm -> relu\n{CONV3.format(3)} -> batch_norm\n}}"
    found = model(f"{CONV3.format(3)}\n{residual}", (3, 16, 16), PLAIN)
    assert branches(found.derived) == ["conv_transpose batch_norm relu conv_transpose batch_norm", ""]


def test_nothing_closes_a_branch_before_the_output() -> None:
    branch = f"{CONV3.format(3)} -> batch_norm -> relu"
    nested = f"residual {{ {branch} }} -> relu"
    found = model(f"concat {{ branch {{ {branch} }} branch {{ {nested} }} }}", (3, 16, 16), PLAIN)
    assert branches(found.derived) == ["conv_transpose", "conv_transpose"]


def test_a_concat_is_split_and_its_branches_are_summed() -> None:
    body = f"concat {{\nbranch {{ {CONV3.format(5)} }}\nbranch {{ }}\nbranch {{ {CONV3.format(2)} }}\n}}"
    found = model(body, (3, 16, 16), PLAIN)
    node = next(parallels(found.derived.body))
    assert (node.fan_out, node.join) == ("split", "add")
    assert node.shares == ((5, 16, 16), (3, 16, 16), (2, 16, 16))


def test_a_gate_stays_on_its_tensor_where_a_branch_changes_the_shape() -> None:
    squeeze = "gate { global_avg_pool -> linear(8) -> sigmoid -> unflatten((8, 1, 1)) }"
    found = model(
        f"residual {{ conv(8) -> {squeeze} }} skip {{ conv(8, kernel_size=1, padding=0) }}", (3, 16, 16), PLAIN
    )
    [body, _] = next(parallels(found.derived.body)).branches
    [line] = [item for item in body.items if isinstance(item, Sequence)] or [body]
    gate = next(item for item in line.items if isinstance(item, Gate))
    assert gate.in_shape == (8, 8, 8)


# Blocks


SAME3 = CONV3.format(4)
GATE = "gate { conv(4, kernel_size=1, stride=1, padding=0) -> sigmoid }"
SQUEEZED = "conv sigmoid elu"  # the layers in the mirror of `Squeeze`


def sequences(body: Sequence) -> Iterator[Sequence]:
    for item in body.items:
        if isinstance(item, Sequence):
            yield item
            yield from sequences(item)


@pytest.mark.parametrize(
    ("block", "first", "second", "call", "behind_first", "behind_second"),
    [
        (SAME3, "relu", "relu", "conv_transpose relu", "", ""),
        (SAME3, "relu", "dropout", "conv_transpose", "relu", "dropout"),
        (SAME3, "relu -> elu", "relu -> tanh", "conv_transpose relu", "elu", "tanh"),
        (SAME3, GATE, "", "conv_transpose", "conv sigmoid", ""),
        (SAME3, "Squeeze -> relu", "", "conv_transpose", f"{SQUEEZED} relu", ""),
        (f"a: Squeeze\n{SAME3}", "relu", "", "conv_transpose", f"relu {SQUEEZED}", SQUEEZED),
        (f"{SAME3} -> relu\n{SAME3}", "relu", "", "conv_transpose relu conv_transpose", "relu", ""),
        (f"a: self_attention(reduction=1)\n{SAME3}", "", "", "conv_transpose self_attention", "", ""),
        (
            f"a: self_attention(reduction=1)\n{SAME3}",
            "relu",
            "",
            "conv_transpose",
            "relu self_attention",
            "self_attention",
        ),
        (f"Inner -> elu -> {SAME3}", "relu", "", "conv_transpose elu conv_transpose", "relu", ""),
    ],
)
def test_all_mirrored_calls_of_a_block_are_equal(
    block: str, first: str, second: str, call: str, behind_first: str, behind_second: str
) -> None:
    """What stands between operators may trail one call and not the other: then it stands behind both."""
    top = f"block Inner() {{ {SAME3} }}\nblock Squeeze() {{ {GATE} -> elu }}\nblock Block() {{ {block} }}"
    body = "\n".join(
        f"{SAME3} -> {between} -> Block" if between else f"{SAME3} -> Block" for between in (first, second)
    )
    found = model(body, (4, 8, 8), PLAIN, top=f"{K4S2}\n{top}").derived
    assert [names(one) for one in sequences(found.body) if one.macro == "Block"] == [call, call]
    assert {names(one) for one in sequences(found.body) if one.macro == "Inner"} <= {"conv_transpose"}
    parts = [call, behind_second, "conv_transpose", call, behind_first, "conv_transpose"]
    assert names(found) == " ".join(part for part in parts if part)
    assert all(one.items for one in sequences(found.body))


# The latent


@pytest.mark.parametrize(
    ("head", "start"),
    [
        ("conv(1, stride=1, padding=0)", "unflatten conv_transpose"),
        ("conv(1, stride=1, padding=0) -> sigmoid", "unflatten conv_transpose"),
        ("flatten -> linear(1)", "linear unflatten"),
        ("flatten -> linear(64) -> relu\nlinear(1)", "linear batch_norm relu linear unflatten"),
        ("global_avg_pool -> linear(1)", "linear unflatten"),
        ("adaptive_avg_pool(1) -> flatten -> linear(1)", "linear unflatten"),
        ("adaptive_avg_pool(1) -> conv(1, kernel_size=1, padding=0)", "unflatten conv_transpose flatten unflatten"),
        ("conv(1, stride=1, kernel_size=3)", "linear unflatten conv_transpose"),
        ("conv(1, stride=1, kernel_size=3) -> global_avg_pool", "linear unflatten conv_transpose"),
        ("minibatch_stddev -> flatten -> linear(1)", "linear unflatten"),
    ],
)
def test_where_the_latent_of_a_gan_enters(head: str, start: str) -> None:
    found = model(f"{DCGAN}\n{head}", (3, 32, 32), kind="gan", latent=10)
    assert found.derived.in_shape == (10,)
    rest = " batch_norm relu" + " conv_transpose batch_norm relu" * 2 + " conv_transpose tanh"
    assert names(found.derived) == start + rest


CONV1 = "conv({}, kernel_size=1, stride=1, padding=0)"


@pytest.mark.parametrize(
    ("head", "input_shape", "start"),
    [
        ("conv(1, kernel_size=3, stride=1)", (1, 10), "linear unflatten conv_transpose batch_norm relu"),
        ("flatten", (1, 10), "linear unflatten batch_norm relu"),
        ("global_avg_pool -> linear(1)", (1, 4), "linear unflatten batch_norm relu"),
        (
            f"adaptive_avg_pool(1) -> {CONV1.format(1)}",
            (1, 10),
            "unflatten conv_transpose flatten unflatten batch_norm relu",
        ),
        (
            "adaptive_avg_pool((2, 1)) -> conv(1, kernel_size=(2, 1), stride=1, padding=0)",
            (3, 8, 8),
            "unflatten conv_transpose batch_norm relu upsample",
        ),
        (
            f"adaptive_avg_pool(1) -> residual {{ {CONV1.format(4)} }}",
            (3, 8, 8),
            "linear unflatten conv_transpose batch_norm relu upsample",
        ),
        ("adaptive_avg_pool((2, 1))", (3, 8, 8), "linear unflatten batch_norm relu upsample"),
        ("adaptive_avg_pool(1) -> upsample(2)", (3, 8, 8), "linear unflatten avg_pool batch_norm relu upsample"),
        (
            f"{CONV3.format(4)} -> minibatch_stddev",
            (3, 8, 8),
            "linear unflatten conv_transpose batch_norm relu",
        ),
    ],
)
def test_where_the_latent_enters_on_signals_and_behind_small_maps(head: str, input_shape: Shape, start: str) -> None:
    found = model(f"conv(4) -> relu\n{head}", input_shape, kind="gan", latent=8)
    assert names(found.derived) == f"{start} conv_transpose tanh"


def test_every_place_of_the_first_map_gets_a_value_of_its_own() -> None:
    """The mirror of a global pool at the head is one linear layer to the whole map."""
    found = model(f"{DCGAN}\nglobal_avg_pool -> linear(1)", (3, 32, 32), kind="gan", latent=10)
    assert found.derived.layers[0].out_shape == (32 * 4 * 4,)


def test_a_global_pool_stays_where_what_follows_is_made_for_its_output() -> None:
    found = model(f"{DCGAN}\nglobal_avg_pool -> prelu(32) -> linear(1)", (3, 32, 32), kind="gan", latent=10)
    assert "unflatten" in names(found.derived) and "upsample" in names(found.derived)
    found = model("global_avg_pool -> gate { linear(3) -> sigmoid }", (3, 7, 7), kind="vae", latent=10)
    assert found.derived.out_shape == (3, 7, 7)


def test_a_vae_has_two_heads_and_one_way_back() -> None:
    found = model("conv(8) -> relu\nflatten -> linear(32) -> relu", (1, 16, 16), kind="vae", latent=5)
    assert [(name, head.out_shape) for name, head in found.source.heads] == [("mean", (5,)), ("log_variance", (5,))]
    assert names(found.derived) == "linear relu linear unflatten relu conv_transpose sigmoid"
    assert (found.derived.in_shape, found.derived.out_shape) == ((5,), (1, 16, 16))


def test_an_autoencoder_with_a_latent_has_a_linear_bottleneck() -> None:
    found = model("conv(8) -> relu", (1, 16, 16), latent=5)
    assert names(found.source) == "conv relu flatten linear"
    assert names(found.derived) == "linear unflatten relu conv_transpose sigmoid"


def test_the_code_of_an_autoencoder_without_a_latent_is_the_output_of_its_encoder() -> None:
    found = model("conv(8) -> relu\nconv(4)", (1, 16, 16))
    assert found.derived.in_shape == found.source.out_shape == (4, 4, 4)


@pytest.mark.parametrize(
    ("kind", "body", "input_shape", "latent", "parameters"),
    [
        (
            "gan",
            "conv(64) -> relu\nrepeat 3 { conv(128 * 2 ** index) -> batch_norm -> relu }\nconv(1, stride=1, padding=0)",
            (3, 64, 64),
            100,
            (2_765_568, 3_576_704),
        ),
        ("vae", "linear(400) -> relu", (784,), 20, (330_040, 322_784)),
        (
            "vae",
            "repeat 4 { conv(32, bias=true) -> relu }\nflatten -> linear(256) -> relu\nlinear(256) -> relu",
            (1, 64, 64),
            10,
            (252_052, 249_953),
        ),
    ],
)
def test_published_pairs(kind: str, body: str, input_shape: Shape, latent: int, parameters: tuple[int, int]) -> None:
    found = model(body, input_shape, kind=kind, latent=latent)
    assert (found.source.parameters, found.derived.parameters) == parameters


def test_a_border_has_no_skip_connection_of_its_own() -> None:
    """Behind the border of the input, the decoder would be given the image; behind others, the same map twice."""
    body = 'repeat 2 { conv(2, 4, stride=2, padding="same") -> relu }\nconv(2, 4, padding="same")'
    text = f"autoencoder A {{\ninput (1, 33, 33)\nencoder {{\n{body}\n}}\ndecoder mirror {{\nskips add\n}}\n}}"
    found = analyse(Source("a", text)).model
    assert found is not None
    assert [skip.out_shape for skip in flattened(found.derived.body) if isinstance(skip, Skip)] == [(2, 17, 17)]


@pytest.mark.parametrize("layer", ["conv(4, 3, padding=1)", "depthwise_conv(3, padding=1, multiplier=2)"])
def test_a_convolution_that_undoes_one_can_not_share_its_weight(layer: str) -> None:
    options = "decoder mirror {\ntied true\nupsample nearest\n}"
    text = f"autoencoder A {{\ninput (4, 8, 8)\nencoder {{\n{layer}\n}}\n{options}\n}}"
    compilation = analyse(Source("a", text))
    assert [one.kind.code for one in compilation.diagnostics] == ["DG405"]


@pytest.mark.parametrize(
    ("pool", "input_shape"),
    [
        ("max_pool(2)", (1, 8)),
        ("max_pool(2)", (1, 8, 8)),
        ("max_pool((2, 1))", (1, 8, 8)),
        ("max_pool(2)", (1, 8, 8, 8)),
    ],
)
def test_a_skip_connection_where_any_axis_changes(pool: str, input_shape: Shape) -> None:
    found = model(f"{CONV3.format(2)} -> relu -> {pool}\n{CONV3.format(4)}", input_shape, "skips concat")
    kept = [skip.kept for skip in flattened(found.derived.body) if isinstance(skip, Skip)]
    assert kept == [(2, *input_shape[1:])]


def test_a_skip_connection_before_an_operator_whose_mirror_is_nothing() -> None:
    body = "conv(2, kernel_size=3, stride=1)\navg_pool(1)\nconv(4)"
    model(body, (1, 8, 8), "skips concat")  # which runs it on torch


def test_the_convolution_behind_a_skip_connection_stands_outside_of_the_block() -> None:
    block = "block Down() { max_pool(2) -> conv(8, kernel_size=3, stride=1) }"
    body = "conv(4, kernel_size=3, stride=1) -> depthwise_conv(3, padding=1)\nDown"
    found = model(body, (1, 8, 8), "skips concat", top=f"{K4S2}\n{block}")
    first = lines(found.derived)[0]
    assert [one.macro if isinstance(one, Sequence) else type(one).__name__ for one in first.items] == [
        "Down",
        "Skip",
        "Layer",
    ]
    assert names(first) == "conv_transpose upsample conv"


def test_no_skip_connection_before_the_first_operator_that_is_mirrored() -> None:
    body = "minibatch_stddev\nadaptive_avg_pool(4) -> relu\nconv(2, 3, padding=1) -> relu\nmax_pool(2)"
    found = model(body, (1, 8, 8), "skips concat", latent=4)
    assert [skip.kept for skip in flattened(found.derived.body) if isinstance(skip, Skip)] == [(2, 2, 2), (2, 4, 4)]
