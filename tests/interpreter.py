"""Runs a typed tree on torch: the oracle for shapes, counts and the mirror, independent of the generated code.

Every module below checks, each time it runs, that torch agrees with the shape that the tree promises.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from dcgan_compiler.ir import Gate, Layer, Network, Node, Parallel, Sequence

BATCH = 2


class Checked(nn.Module):
    """The module of one node; its output has the shape that the node says."""

    def __init__(self, node: Node) -> None:
        super().__init__()
        self.node = node
        match node:
            case Layer():
                self.parts = nn.ModuleList([torch_module(node)] if node.definition.expression is None else [])
            case Sequence():
                self.parts = nn.ModuleList(Checked(item) for item in node.items)
            case Parallel():
                self.parts = nn.ModuleList(Checked(branch) for branch in node.branches)
            case Gate():
                self.parts = nn.ModuleList([Checked(node.body)])

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[1:] == self.node.in_shape, f"{tuple(x.shape[1:])} arrives at {self.node}"
        y = self._run(x)
        assert y.shape[1:] == self.node.out_shape, f"torch gives {tuple(y.shape[1:])} for {self.node}"
        return y

    def _run(self, x: Tensor) -> Tensor:
        match self.node:
            case Layer(definition=definition) if definition.expression is not None:
                return eval(definition.expression(self.node).format(x="x"), {"torch": torch, "x": x})
            case Layer() | Sequence():
                for part in self.parts:
                    x = part(x)
                return x
            case Gate():
                return x * self.parts[0](x)
            case Parallel():
                return self._joined(x)

    def _joined(self, x: Tensor) -> Tensor:
        split = self.node.fan_out == "split"
        shares = x.split([shape[0] for shape in self.node.shares], dim=1) if split else [x] * len(self.parts)
        results = [part(share) for part, share in zip(self.parts, shares, strict=True)]
        return torch.cat(results, dim=1) if self.node.join == "cat" else torch.stack(results).sum(0)

    def leaves(self) -> list[Checked]:
        """The modules of the layers, in the order in which they run."""
        return [module for module in self.modules() if isinstance(module, Checked) and isinstance(module.node, Layer)]


def torch_module(layer: Layer) -> nn.Module:
    """The module that the layer's definition asks for, with the parameters that the layer counts."""
    assert layer.definition.module is not None
    made = layer.definition.module(layer)
    module = getattr(nn, made.name)(*made.positional, **dict(made.keywords))
    if made.wrapper:
        getattr(parametrizations, made.wrapper)(module)
    assert sum(parameter.numel() for parameter in module.parameters()) == layer.parameters, layer
    return module


def check_on_torch(network: Network) -> None:
    """Run one half on the meta device: every shape and every count of parameters is torch's."""
    with torch.device("meta"):
        body = Checked(network.body)
        heads = [torch_module(head) for _, head in network.heads]
        features = body(torch.empty(BATCH, *network.in_shape))
        for head in heads:
            assert head(features).shape == (BATCH, *network.out_shape)
    parameters = [*body.parameters(), *(parameter for head in heads for parameter in head.parameters())]
    assert sum(parameter.numel() for parameter in parameters) == network.parameters
