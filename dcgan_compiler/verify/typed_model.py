"""Whether the generated classes are what the typed model says: shapes, counts, gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dcgan_compiler.codegen.half import runs_of
from dcgan_compiler.codegen.structure import is_expression
from dcgan_compiler.ir import Network, Node, Sequence, Shape, describe, layers
from dcgan_compiler.verify.subject import Mismatch, Part, Subject, backward, check_gradients, require

if TYPE_CHECKING:
    from torch import Tensor, nn


def import_classes(subject: Subject) -> str:
    """The file can be imported and has the classes of the contract."""
    subject.import_file()
    return ", ".join(part.name for part in subject.parts)


def shapes(subject: Subject) -> str:
    """Every block gives the shape that was inferred."""
    count = 0
    for part, network in subject.halves:
        found = _block_shapes(part)
        for name, node in _blocks(network):
            if name not in found:
                raise Mismatch(f"{part.name}.{name} does not run")
            possible = list(_block_ends(node))
            wrong = f"{part.name}.{name} gives {describe(found[name])} instead of {describe(possible[0])}"
            require(found[name] in possible, wrong)
            count += 1
    return f"{count} blocks"


def _block_shapes(part: Part) -> dict[str, Shape]:
    """The output shape of every direct submodule that runs, without the batch."""
    import torch

    instance = part.build()
    found: dict[str, Shape] = {}

    def recorder(name: str) -> Callable[[nn.Module, tuple[Any, ...], Tensor], None]:
        def record(module: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
            found[name] = tuple(output.shape[1:])

        return record

    for name, child in instance.named_children():
        child.register_forward_hook(recorder(name))
    with torch.no_grad():
        instance(*part.inputs())
    return found


def _blocks(network: Network) -> Iterator[tuple[str, Node]]:
    """The lines and heads that are modules, by the names of their attributes."""
    for line in network.body.items:
        has_module = any(layer.definition.module or layer.definition.composite(layer) for layer in layers(line))
        if isinstance(line, Sequence) and line.name and has_module and not _is_cut(line):
            yield line.name, line
    yield from network.heads


def _is_cut(line: Sequence) -> bool:
    """Whether something inside a line is written into forward, so that the line is several modules."""
    return sum(not written for written, _ in runs_of(line)) > 1


def _block_ends(node: Node) -> Iterator[Shape]:
    """Where the module of a block may end: expressions at the end of its line are written into `forward`."""
    yield node.out_shape
    for item in reversed(node.items if isinstance(node, Sequence) else ()):
        if not is_expression(item):
            return
        yield item.in_shape


def exact_output(subject: Subject) -> str:
    """The mirror ends at exactly the shape at which the model begins."""
    part, expected = subject.parts[-1], subject.model.input_shape
    found = tuple(part.run()[0].shape[1:])
    require(found == expected, f"{part.name} ends at {describe(found)} instead of {describe(expected)}")
    return describe(found)


def parameter_counts(subject: Subject) -> str:
    """Each class, and each of its blocks, has the parameters that were counted."""
    for part, network in subject.halves:
        instance = part.build()
        for name, node in _blocks(network):
            counted = sum(layer.parameters for layer in layers(node))
            _check_count(f"{part.name}.{name}", instance.get_submodule(name), counted)
        _check_count(part.name, instance, network.parameters)
    return ", ".join(f"{part.name} {network.parameters:,}" for part, network in subject.halves)


def _check_count(name: str, instance: nn.Module, counted: int) -> None:
    found = sum(parameter.numel() for parameter in instance.parameters())
    require(found == counted, f"{name} has {found:,} parameters instead of {counted:,}")


def gradients(subject: Subject) -> str:
    """A backward pass in training mode gives every parameter a finite gradient."""
    count = 0
    for part, _ in subject.halves:
        instance = part.build().train()
        backward(part, instance)
        count += check_gradients(part, instance)
    return f"{count} tensors"
