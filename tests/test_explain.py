"""`dcganc explain`: what it says, in full for small models, and that it is exact for large ones."""

import re
from math import prod
from pathlib import Path

import pytest

from dcgan_compiler.compiler import analyse
from dcgan_compiler.ir import Gate, Layer, Model, Parallel
from dcgan_compiler.report.explain import explain
from dcgan_compiler.report.explain.tracing import Trace
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
SMALL_EXPLAINED = """\
gan Small

  discriminator  (1, 15, 9) -> (1)
  generator      (8) -> (1, 15, 9)

Operators are undone in reverse order. What stands between two of them (norm, activation, dropout, gate)
belongs to the tensor there: it stands on the same tensor in the generator, between their mirrors, in the form
that the policy gives it. Below, `a => b` says that a is mirrored by b; a general reason is given once.

Policy: norm batch_norm, activation relu, dropout drop, output tanh, upsample transpose, unpool nearest,
        spectral_norm drop.

"""


def analysed(text: str) -> Model:
    """The typed model of a description."""
    model = analyse(Source("net.dgan", text)).model
    assert model is not None
    return model


def body(text: str, kind: str = "autoencoder", options: str = "", shape: str = "(4, 16, 16)") -> str:
    """What is said about the lines of a body."""
    source, latent = ("discriminator", "latent 6") if kind == "gan" else ("encoder", "")
    derived = "generator" if kind == "gan" else "decoder"
    description = f"{kind} Net {{\ninput {shape}\n{latent}\n{source} {{\n{text}\n}}\n{derived} mirror {{ {options} }}\n}}"
    return explain(analysed(description)).split("\n\n", 4)[4].rpartition("\n\nparameters")[0]


def test_a_small_model() -> None:
    text = explain(analysed(SMALL))
    assert text.startswith(SMALL_EXPLAINED)
    assert text.removeprefix(SMALL_EXPLAINED) == """\
block1 (line 6): (1, 15, 9) -> (4, 8, 5), undone by block4
  conv(4, kernel_size=3, stride=2, padding=1) -> leaky_relu(0.2)
    conv(4, 3x3, /2)  =>  conv_transpose(1, 3x3, /2)
"""


def test_a_written_generator_mirrors_nothing() -> None:
    text = explain(
        analysed(
            """\
            autoencoder Net {
                input (6)
                encoder { linear(2) }
                decoder { linear(4) -> relu -> linear(6) }
            }
            """
        )
    )
    assert text == """\
autoencoder Net

  encoder  (6) -> (2)
  decoder  (2) -> (6)

Nothing is mirrored: the decoder is written out. It takes (2) and gives (6), which is what the encoder takes.

parameters              encoder         decoder
operators                    14              42
total                        14              42
The decoder has 300% of the parameters of the encoder.
"""
