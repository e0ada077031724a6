"""`dcganc show`: the rows of both halves, as a table and as JSON."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dcgan_compiler.cli import main
from dcgan_compiler.compiler import analyse
from dcgan_compiler.ir import Gate, Model, Parallel, Sequence
from dcgan_compiler.report.summary import describe_nodes, summarise
from dcgan_compiler.report.table import draw
from dcgan_compiler.source import Source

DCGAN = """\
gan DCGAN64 {
    input (3, 64, 64)
    latent 100
    default conv(kernel_size=4, stride=2, padding=1, bias=false)
    discriminator {
        conv(64) -> leaky_relu(0.2)
        conv(128) -> batch_norm -> leaky_relu(0.2)
        narrow: conv(256) -> batch_norm -> leaky_relu(0.2)
        conv(512) -> batch_norm -> leaky_relu(0.2)
        conv(1, stride=1, padding=0)
    }
}
"""
VAE = """\
vae Small {
    input (1, 8, 8)
    latent 4
    encoder {
        conv(8, (3, 5), (1, 2), padding=(1, 2)) -> relu
        max_pool(2) -> flatten
    }
}
"""
NARROW = """\
gan DCGAN64: input (3, 64, 64), latent 100

Discriminator: (3, 64, 64) -> (1)
Block   Layers                                   Output            Params   MACs
────────────────────────────────────────────────────────────────────────────────
block1  conv(64, 4x4, /2) leaky_relu             (64, 32, 32)       3,072  3.15M
block2  conv(128, 4x4, /2) batch_norm            (128, 16, 16)    131,328  33.6M
        leaky_relu
narrow  conv(256, 4x4, /2) batch_norm            (256, 8, 8)      524,800  33.6M
        leaky_relu
block4  conv(512, 4x4, /2) batch_norm            (512, 4, 4)    2,098,176  33.6M
        leaky_relu
head    conv(1, 4x4)                             (1, 1, 1)          8,192  8.19k
        flatten                                  (1)                    -      -

total                                                           2,765,568   104M

Generator: (100) -> (3, 64, 64)
Block   Layers                          Output            Params   MACs  Mirrors
────────────────────────────────────────────────────────────────────────────────
        unflatten(100x1x1)              (100, 1, 1)            -      -
block1  conv_transpose(512, 4x4)        (512, 4, 4)      820,224   819k  head
        batch_norm relu
block2  conv_transpose(256, 4x4, /2)    (256, 8, 8)    2,097,664  33.6M  block4
        batch_norm relu
narrow  conv_transpose(128, 4x4, /2)    (128, 16, 16)    524,544  33.6M  narrow
        batch_norm relu
block4  conv_transpose(64, 4x4, /2)     (64, 32, 32)     131,200  33.6M  block2
        batch_norm relu
head    conv_transpose(3, 4x4, /2)      (3, 64, 64)        3,072  3.15M  block1
        tanh

total                                                  3,576,704   105M
"""


def model_of(text: str) -> Model:
    model = analyse(Source("net.dgan", text)).model
    assert model is not None
    return model


def test_a_narrow_terminal_gets_the_halves_below_each_other() -> None:
    assert draw(summarise(model_of(DCGAN)), width=80) == NARROW


def test_a_wide_terminal_gets_them_beside_each_other() -> None:
    lines = draw(summarise(model_of(DCGAN)), width=140).splitlines()
    assert max(map(len, lines)) <= 140
    assert lines[2].split() == "Discriminator: (3, 64, 64) -> (1) Generator: (100) -> (3, 64, 64)".split()
    assert lines[3].split() == "Block Layers Output Params MACs Block Layers Output Params MACs Mirrors".split()


@pytest.mark.parametrize("width", [1, 40, 80, 139, 140, 173, 400])
def test_no_width_loses_anything(width: int) -> None:
    words = set(draw(summarise(model_of(DCGAN)), width=width).split())
    assert {word for word in NARROW.split() if "─" not in word} <= words


def test_the_numbers_are_those_of_the_model() -> None:
    model = model_of(DCGAN)
    for half, network in zip(summarise(model).halves, (model.source, model.derived), strict=True):
        assert (half.parameters, half.multiply_adds) == (network.parameters, network.multiply_adds)
        assert sum(block.parameters for block in half.blocks) == half.parameters
        assert sum(block.multiply_adds for block in half.blocks) == half.multiply_adds
        assert half.blocks[-1].out_shape == half.out_shape


def test_what_mirrors_what() -> None:
    discriminator, generator = summarise(model_of(DCGAN)).halves
    assert {block.mirrors for block in discriminator.blocks} == {None}
    named = [block.name for block in discriminator.blocks if block.name]
    assert [block.mirrors for block in generator.blocks if block.name] == named[::-1]


def test_the_heads_of_a_vae_are_rows() -> None:
    encoder, _ = summarise(model_of(VAE)).halves
    assert [(block.name, block.out_shape) for block in encoder.blocks[-2:]] == [("mean", (4,)), ("log_variance", (4,))]
    assert encoder.blocks[0].layers == ("conv(8, 3x5, /1x2)", "relu")


def test_nested_nodes_in_short() -> None:
    model = model_of(DCGAN)
    conv = model.source.layers[2]
    line = Sequence.build([conv], conv.in_shape, conv.span)
    macro = Sequence(line.items, line.in_shape, line.out_shape, line.span, macro="Down")
    empty = Sequence.build([], conv.out_shape, conv.span)
    relu = Sequence.build(model.source.layers[1:2], conv.in_shape, conv.span)
    residual = Parallel("copy", "add", (relu, empty), conv.in_shape, conv.in_shape, "residual", conv.span)
    gate = Gate(relu, conv.in_shape, conv.in_shape, conv.span)
    assert describe_nodes([macro, residual, residual, gate]) == (
        "Down{conv(128, 4x4, /2)}",
        "2 x residual{leaky_relu | identity}",
        "gate{leaky_relu}",
    )


def test_skip_connections_in_short() -> None:
    text = """\
autoencoder UNet {
    input (1, 16, 16)
    encoder {
        conv(4, 3, padding=1)
        conv(8, 4, 2, padding=1)
    }
    decoder mirror { skips concat }
}
"""
    encoder, decoder = summarise(model_of(text)).halves
    assert encoder.blocks[1].layers == ("keep1", "conv(8, 4x4, /2)")
    assert decoder.blocks[0].layers == ("conv_transpose(4, 4x4, /2)", "concat(keep1)")


def test_show_prints_plain_text_where_there_is_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "net.dgan").write_text(DCGAN)
    result = CliRunner(env={"COLUMNS": "80"}).invoke(main, ["show", str(tmp_path / "net.dgan")])
    assert (result.exit_code, result.stdout, result.stderr) == (0, NARROW, "")


def test_show_as_json(tmp_path: Path) -> None:
    (tmp_path / "net.dgan").write_text(DCGAN)
    result = CliRunner().invoke(main, ["show", str(tmp_path / "net.dgan"), "--format", "json"])
    shown = json.loads(result.stdout)
    assert [(half["name"], half["parameters"]) for half in shown["halves"]] == [
        ("Discriminator", 2_765_568),
        ("Generator", 3_576_704),
    ]
    assert shown["halves"][1]["blocks"][1] == {
        "name": "block1",
        "layers": ["conv_transpose(512, 4x4)", "batch_norm", "relu"],
        "out_shape": [512, 4, 4],
        "parameters": 820_224,
        "multiply_adds": 819_200,
        "mirrors": "head",
    }
    assert shown["training"]["loss"] == "bce"
    assert shown["training"]["optimizer"]["arguments"]["betas"] == [0.5, 0.999]


def test_show_of_a_wrong_description(tmp_path: Path) -> None:
    (tmp_path / "net.dgan").write_text(DCGAN.replace("batch_norm", "bach_norm", 1))
    result = CliRunner().invoke(main, ["show", str(tmp_path / "net.dgan")])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error[DG102]: there is no layer or block `bach_norm`\n")
