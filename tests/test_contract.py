"""Every combinator, on maps of every rank, under every option of the mirror: the generated code runs and is exact."""

import pytest
import torch
from generated import compiled, halves, run

COMBINATORS = {
    "residual": "residual { conv(6) -> relu -> conv(4) } -> relu",
    "skip": "residual { relu -> conv(8, stride=2) -> conv(8) } skip { conv(8, kernel_size=1, stride=2, padding=0) }",
    "sum": "sum { branch { conv(6) } branch { batch_norm -> conv(6, kernel_size=1, padding=0) } }",
    "concat": "concat { branch { conv(4) -> relu } branch {} branch { max_pool(3, stride=1, padding=1) -> conv(2) } }",
    "gate": "conv(6) -> gate { adaptive_avg_pool(1) -> conv(6, kernel_size=1, padding=0) -> sigmoid } -> relu",
    "repeat": "repeat 2 { conv(4 + 2 * index) -> batch_norm -> relu }",
    "block": "Pair(6)",
    "nested": "residual { concat { branch { conv(2) } branch { Pair(4) } } -> conv(in_channels - 2) }",
    "strided concat": "concat { branch { conv(4, stride=2) -> relu } branch { max_pool(3, stride=2, padding=1) } }",
}
OPTIONS = {
    "defaults": "",
    "nearest": "upsample nearest",
    "bilinear": "upsample bilinear; unpool bilinear",
    "transposed": "unpool transpose",
    "plain": "norm none; activation tanh; dropout drop; output identity",
    "normed": "norm group_norm(1); activation leaky_relu(0.2)",
    "wide": "width 2",
    "concatenated": "skips concat",
    "added": "skips add",
    "tied": "tied true",
}
INPUTS = {1: "(4, 15)", 2: "(4, 11, 9)", 3: "(4, 7, 5, 6)"}


@pytest.mark.parametrize("rank", INPUTS)
@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("combinator", COMBINATORS)
def test_every_combinator_under_every_option(combinator: str, options: str, rank: int) -> None:
    model, made = compiled(f"""
        autoencoder Contract {{
            input {INPUTS[rank]}
            default conv(kernel_size=3, padding=1)
            block Pair(channels) {{
                conv(channels) -> batch_norm -> relu
                conv(channels) -> relu
            }}
            encoder {{
                conv(4) -> batch_norm -> relu
                {COMBINATORS[combinator]}
                conv(6, stride=2) -> relu
                max_pool(2) -> conv(5)
            }}
            decoder mirror {{ {OPTIONS[options]} }}
        }}
        """)
    torch.manual_seed(0)
    source, derived = halves(model, made)
    _, output = run(model, source, derived, torch.rand(2, *model.input_shape))
    assert output.shape[1:] == model.input_shape
    for network, half in ((model.source, source), (model.derived, derived)):
        assert sum(parameter.numel() for parameter in half.parameters()) == network.parameters
    output.sum().backward()
    assert all(p.grad is not None for half in (source, derived) for p in half.parameters())
