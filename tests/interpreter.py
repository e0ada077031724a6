"""Runs a typed tree on torch: the oracle for shapes, counts and the mirror, independent of the generated code.

Every module below checks, each time it runs, that torch agrees with the shape that the tree promises.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from dcgan_compiler.ir import Gate, Layer, Model, Network, Node, Parallel, Sequence, Skip, Tap
from dcgan_compiler.layers.definition import Composite, Constant, Module

BATCH = 2


class Checked(nn.Module):
    """The module of one node; its output has the shape that the node says.

    `kept` holds what the taps of an encoder keep for the skips of its decoder, by number.
    """

    def __init__(self, node: Node, kept: dict[int, Tensor] | None = None) -> None:
        super().__init__()
        self.node = node
        self.kept = {} if kept is None else kept
        match node:
            case Layer():
                self.parts = nn.ModuleList([torch_module(node)] if node.definition.expression is None else [])
            case Sequence():
                self.parts = nn.ModuleList(Checked(item, self.kept) for item in node.items)
            case Parallel():
                self.parts = nn.ModuleList(Checked(branch, self.kept) for branch in node.branches)
            case Gate():
                self.parts = nn.ModuleList([Checked(node.body, self.kept)])

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[1:] == self.node.in_shape, f"{tuple(x.shape[1:])} arrives at {self.node}"
        y = self._run(x)
        assert y.shape[1:] == self.node.out_shape, f"torch gives {tuple(y.shape[1:])} for {self.node}"
        return y

    def _run(self, x: Tensor) -> Tensor:
        match self.node:
            case Layer(definition=definition) if definition.expression is not None:
                return eval(definition.expression(self.node).format(x="x"), {"torch": torch, "x": x})
            case Layer(definition=definition) if definition.takes_label:
                return self.parts[0](x, torch.zeros(len(x), dtype=torch.int64, device=x.device))
            case Layer() | Sequence():
                for part in self.parts:
                    x = part(x)
                return x
            case Gate():
                return x * self.parts[0](x)
            case Parallel():
                return self._joined(x)
            case Tap():
                self.kept[self.node.number] = x
                return x
            case Skip():
                kept = self.kept[self.node.number]
                return x + kept if self.node.join == "add" else torch.cat((x, kept), dim=1)

    def _joined(self, x: Tensor) -> Tensor:
        split = self.node.fan_out == "split"
        shares = x.split([shape[0] for shape in self.node.shares], dim=1) if split else [x] * len(self.parts)
        results = [part(share) for part, share in zip(self.parts, shares, strict=True)]
        return torch.cat(results, dim=1) if self.node.join == "cat" else torch.stack(results).sum(0)


class Composed(nn.Module):
    """A layer that torch has no module for, from the parts and statements of its definition."""

    def __init__(self, composite: Composite, classes: object = None) -> None:
        super().__init__()
        names: dict[str, object] = {"torch": torch, "nn": nn, "NUM_CLASSES": classes}
        for name, part in composite.parts:
            setattr(self, name, constructed(part) if isinstance(part, Module) else eval(part, names))
        lines = ["".join(p if isinstance(p, str) else repr(p[1]) for p in pieces) for pieces in composite.statements]
        exec("def run(self, x, label=None):\n    " + "\n    ".join(lines), names)
        self.run = names["run"]

    def forward(self, x: Tensor, *label: Tensor) -> Tensor:
        return self.run(self, x, *label)


def torch_module(layer: Layer) -> nn.Module:
    """The module that the layer's definition asks for, with the parameters that the layer counts."""
    definition = layer.definition
    composite = definition.composite(layer)
    module = (
        constructed(definition.module(layer))
        if composite is None
        else Composed(composite, layer.arguments.get("classes"))
    )
    assert sum(parameter.numel() for parameter in module.parameters()) == layer.parameters, layer
    return module


def constructed(made: Module) -> nn.Module | nn.Parameter:
    """`nn.Name(...)`, inside its wrapper."""
    positional = [value.value if isinstance(value, Constant) else value for value in made.positional]
    value = found(made.name, nn)(*positional, **dict(made.keywords))
    return found(made.wrapper, parametrizations)(value) if made.wrapper else value


def found(name: str, home: ModuleType) -> Callable[..., Any]:
    """What a name stands for: a dotted one begins with `nn` or `torch`, any other is in its home."""
    return attrgetter(name.removeprefix("torch."))(torch if "." in name else home)


def check_on_torch(model: Model) -> None:
    """Run both halves on the meta device: every shape and every count of parameters is torch's."""
    kept: dict[int, Tensor] = {}
    with torch.device("meta"):
        _check_half(model.source, kept)
        _check_half(model.derived, kept)


def _check_half(half: Network, kept: dict[int, Tensor]) -> None:
    body = Checked(half.body, kept)
    heads = [torch_module(head) for _, head in half.heads]
    features = body(torch.empty(BATCH, *half.in_shape))
    for head, (_, layer) in zip(heads, half.heads, strict=True):
        assert head(features).shape == (BATCH, *layer.out_shape)
    parameters = [*body.parameters(), *(parameter for head in heads for parameter in head.parameters())]
    assert sum(parameter.numel() for parameter in parameters) == half.parameters
