"""`dcganc explain`: what it says, in full for small models, and that it is exact for large ones."""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, given, settings
from programs import programs

from dcgan_compiler.compiler import analyse
from dcgan_compiler.ir import Model, Node, Parallel, Sequence
from dcgan_compiler.report.explain import explain
from dcgan_compiler.report.explain.tracing import Trace
from dcgan_compiler.report.graph import graph
from dcgan_compiler.report.pairs import pairs
from dcgan_compiler.rewrite import placed_nodes
from dcgan_compiler.source import Source

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").rglob("*.dgan"))

SMALL = """\
gan Small {
    input (1, 15, 9)
    latent 8

    discriminator {
        conv(4, kernel_size=3, stride=2, padding=1) -> leaky_relu(0.2)
        residual { relu -> conv(4, kernel_size=3, padding=1, spectral_norm=true) }
        relu -> max_pool(2) -> dropout
        global_avg_pool -> linear(1) -> sigmoid
    }
}
"""
EXPLAINED = """\
gan Small

  discriminator  (1, 15, 9) -> (1)
  generator      (8) -> (1, 15, 9)

Operators are undone in reverse order. What stands between two of them (norm, activation, dropout, gate)
belongs to the tensor there: it stands on the same tensor in the generator, between their mirrors, in the form
that the policy gives it. Below, `a => b` says that a is mirrored by b; a general reason is given once.

Policy: norm batch_norm, activation relu, dropout drop, output tanh, upsample transpose, unpool nearest,
        spectral_norm drop.

block1 (line 6): (1, 15, 9) -> (4, 8, 5), undone by head
  conv(4, kernel_size=3, stride=2, padding=1) -> leaky_relu(0.2)
    conv(4, 3x3, /2)  =>  conv_transpose(1, 3x3, /2)
        H: output_padding = (15 + 2*1 - 1*(3 - 1) - 1) mod 2 = 0: 15 and 16 both give 8, 15 came in
        W: output_padding = (9 + 2*1 - 1*(3 - 1) - 1) mod 2 = 0: 9 and 10 both give 5, 9 came in
        transposed: the same window, channels swapped
    leaky_relu  =>  batch_norm relu
        `norm batch_norm`
        `activation relu`
        on the same (4, 8, 5), in block3
    (input)  =>  tanh
        `output tanh`: values in [-1, 1]

block2 (line 7): (4, 8, 5) -> (4, 8, 5), undone by block3
  residual { relu -> conv(4, kernel_size=3, padding=1, spectral_norm=true) }
    residual  =>  residual
        each mirrored branch takes the whole tensor, and their outputs are summed
      body:
        relu  =>  batch_norm relu
            `norm batch_norm`
            layers at the end of a branch keep their end
        conv(4, 3x3, spectral_norm)  =>  conv_transpose(4, 3x3)
            without spectral_norm (`spectral_norm drop`)
      skip: passes x on, there too

block3 (line 8): (4, 8, 5) -> (4, 4, 2), undone by block2
  relu -> max_pool(2) -> dropout
    relu  =>  batch_norm relu
        `norm batch_norm`
        on (4, 4, 2), in block2
        before the upsampling, with which it commutes: the map is smaller there
    max_pool(2x2)  =>  upsample(8x5)
        upsampling to exactly the size that entered (`unpool` chooses how)
    dropout  =>  (nothing)
        `dropout drop`

head (line 9): (4, 4, 2) -> (1), undone by block1
  global_avg_pool -> linear(1) -> sigmoid
    global_avg_pool  =>  unflatten(4x4x2)
        a global pool makes way: from a linear layer on the whole map, every place gets a value of its own
    linear(1)  =>  linear(32)
        the latent takes the place of its output: 8 instead of 1
        linear with in_features and out_features exchanged
    sigmoid  =>  (nothing)
        it follows the last operator, and is dropped

parameters        discriminator       generator
operators                   193             473
normalisation                 0              24
total                       193             497
The generator has 258% of the parameters of the discriminator.
"""


def analysed(text: str) -> Model:
    """The typed model of a description."""
    model = analyse(Source("net.dgan", text)).model
    assert model is not None
    return model


def explained(body: str, options: str = "", kind: str = "autoencoder") -> list[str]:
    """What is said about a body that takes (4, 16, 16), without indentation."""
    source, derived = ("discriminator", "generator") if kind == "gan" else ("encoder", "decoder")
    latent = "latent 6" if kind == "gan" else ""
    model = analysed(
        f"{kind} Net {{\ninput (4, 16, 16)\n{latent}\n{source} {{\n{body}\n}}\n{derived} mirror {{\n{options}\n}}\n}}"
    )
    return [line.strip() for line in explain(model).splitlines()]


def test_a_small_model() -> None:
    assert explain(analysed(SMALL)) == EXPLAINED


def test_written_halves_mirror_nothing() -> None:
    text = """\
        autoencoder Net {
            input (6)
            encoder { linear(2) }
            decoder { linear(4) -> relu -> linear(6) }
        }
    """
    assert explain(analysed(text)) == """\
autoencoder Net

  encoder  (6) -> (2)
  decoder  (2) -> (6)

Nothing is mirrored: the decoder is written out. It takes (2) and gives (6), which is what the encoder takes.

parameters              encoder         decoder
operators                    14              42
total                        14              42
The decoder has 300% of the parameters of the encoder.
"""


CONV = "conv(8, kernel_size=4, stride=2, padding=1)"


@pytest.mark.parametrize(
    ("body", "options", "said"),
    [
        pytest.param(
            "conv(8, kernel_size=2, stride=(1, 3))",
            "",
            "W: output_padding = (16 + 2*0 - 1*(2 - 1) - 1) mod 3 = 2: 14 to 16 all give 5, 16 came in",
            id="axes that differ",
        ),
        pytest.param(
            "conv(8, kernel_size=3, stride=2, dilation=2)",
            "",
            "output_padding = (16 + 2*0 - 2*(3 - 1) - 1) mod 2 = 1: 15 and 16 both give 6, 16 came in",
            id="dilation",
        ),
        pytest.param(
            f"{CONV} -> relu -> conv(2, kernel_size=1)",
            "upsample nearest",
            "`upsample nearest`: resized to the size that entered, then a convolution that keeps it",
            id="upsample",
        ),
        pytest.param(
            f"{CONV} -> relu -> conv(2, kernel_size=1)",
            "upsample nearest",
            "the kernel grows by one, so that its padding is the same on both sides",
            id="even kernel",
        ),
        pytest.param(
            f"{CONV} -> relu -> conv(2, kernel_size=1)",
            "upsample pixel_shuffle",
            "`upsample pixel_shuffle`: a convolution to the channels that are then spread over the map",
            id="pixel shuffle",
        ),
        pytest.param(
            "max_pool(3, stride=2, ceil_mode=true) -> conv(2, kernel_size=1)",
            "unpool transpose",
            "the crop cuts it to (16, 16), the size that entered",
            id="crop",
        ),
        pytest.param(
            'conv(2, kernel_size=4, padding="same")\nconv(2, kernel_size=1)',
            "",
            "pad  =>  crop",
            id="uneven padding",
        ),
        pytest.param(
            'conv(2, kernel_size=4, padding="same")\nconv(2, kernel_size=1)',
            "",
            "conv(2, 4x4)  =>  conv_transpose(4, 4x4)",
            id="conv behind an uneven padding",
        ),
        pytest.param(
            "max_pool(2)\nconv(2, kernel_size=1)",
            "unpool transpose",
            "`unpool transpose`: the transposed convolution of the pool's window",
            id="unpool",
        ),
        pytest.param(f"{CONV}\n{CONV}", "tied true", "`tied true`: with the weight of this conv", id="tied"),
        pytest.param(
            "concat { branch { conv(2, kernel_size=1) } branch {} }\nconv(3, kernel_size=1)",
            "",
            "2 + 4 = 6 channels",
            id="split",
        ),
        pytest.param(
            f"{CONV}\ngate {{ conv(8, kernel_size=1) -> sigmoid }}\n{CONV}",
            "",
            "a gate keeps its tensor and has weights of its own",
            id="gate",
        ),
        pytest.param(
            "conv(8, kernel_size=3, bias=true) -> batch_norm -> relu -> conv(8, kernel_size=3)",
            "norm batch_norm",
            "without a bias, which the norm after it would take away again",
            id="bias",
        ),
        pytest.param(
            f"{CONV} -> relu\nmax_pool(2)\n{CONV}",
            "skips concat",
            "`skips concat`: the decoder receives this tensor at the same interface",
            id="skips",
        ),
        pytest.param(f"stem: {CONV} -> batch_norm -> relu\n{CONV}", "norm none", "`norm none`", id="norm"),
    ],
)
def test_reasons(body: str, options: str, said: str) -> None:
    assert said in explained(body, options)


def test_repeats_are_explained_once_with_the_sizes_of_each() -> None:
    said = explained("repeat 2 { conv(8, kernel_size=3, stride=2, padding=1) -> relu }\nconv(2, kernel_size=1)")
    assert said.count("relu  =>  relu") == 1
    assert [line[line.index("=") :] for line in said if line.startswith("output_padding")] == [
        "= (16 + 2*1 - 1*(3 - 1) - 1) mod 2 = 1: 15 and 16 both give 8, 16 came in",
        "= (8 + 2*1 - 1*(3 - 1) - 1) mod 2 = 1: 7 and 8 both give 4, 8 came in",
    ]


def test_what_a_line_alone_says_counts_for_it_alone() -> None:
    said = explained(
        f"stem: {CONV} -> batch_norm -> relu\nlast: {CONV} -> batch_norm -> relu\n{CONV}", "at last { norm none }"
    )
    assert said.count("`norm none`") == 1


# The whole gallery


def nodes(body: Sequence) -> Iterator[Node]:
    """All nodes of a body, those of branches too."""
    for node, _ in placed_nodes(body):
        yield node
        if isinstance(node, Parallel):
            for branch in node.branches:
                yield from nodes(branch)


def assert_every_layer_is_traced(model: Model) -> None:
    """Every layer of the mirror, but for what the compiler adds, comes from one layer of the description."""
    model = model.unconditioned or model
    trace = Trace(model, pairs(model))
    traced = [mirror for node in nodes(model.source.body) for mirror in trace[node]]
    assert len({id(mirror) for mirror in traced}) == len(traced)
    known = {id(mirror) for mirror in traced}
    unknown = [node for node in nodes(model.derived.body) if id(node) not in known]
    assert all(node.span == model.source.body.span for node in unknown)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_layer_of_the_gallery_is_explained(path: Path) -> None:
    assert_every_layer_is_traced(analysed(path.read_text()))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(programs())
def test_any_model_is_explained_and_drawn(text: str) -> None:
    model = analyse(Source("net.dgan", text)).model
    if model is None:
        return
    explain(model)
    ElementTree.fromstring(graph(model, "svg"))
    assert graph(model, "mermaid") and graph(model, "dot")
    if model.policy is not None:
        assert_every_layer_is_traced(model)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_line_is_named_and_fits(path: Path) -> None:
    model = analysed(path.read_text())
    text = explain(model)
    for line in (model.unconditioned or model).source.body.items:
        assert isinstance(line, Sequence)
        assert line.name is None or f"\n{line.name} (" in text
    assert text.isascii() and f"{model.derived.parameters:,}" in text
    assert len(text.splitlines()) < 300


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_arithmetic_is_right(path: Path) -> None:
    model = analysed(path.read_text())
    for dividend, modulus, result in re.findall(r"output_padding = \((.*)\) mod (\d+) = (\d+)", explain(model)):
        assert eval(dividend) % int(modulus) == int(result)
