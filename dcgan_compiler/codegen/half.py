"""One half of a model as a class: each line of its body is an attribute, or an expression in forward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence as Items
from dataclasses import dataclass
from itertools import groupby

from dcgan_compiler.codegen.expression import Attribute
from dcgan_compiler.codegen.forward import Keep, Step
from dcgan_compiler.codegen.names import free_name, role
from dcgan_compiler.codegen.structure import called, chained, flattened, is_expression, needs_forward
from dcgan_compiler.ir import Layer, Network, Node, Sequence, Skip, Tap, describe, layers, takes_label


@dataclass(frozen=True)
class Half:
    """The attributes and forward steps of a half; `results` are what forward returns, as expressions of `{x}`."""

    network: Network
    attributes: tuple[Attribute, ...]
    steps: tuple[Step, ...]
    results: tuple[str, ...]
    takes_skips: bool

    @property
    def keeps(self) -> bool:
        """Whether forward returns tensors for the other half to join."""
        return any(isinstance(step, Keep) for step in self.steps)


def half(network: Network, *, mirrored: bool) -> Half:
    """The class of one half; the comments of a mirrored one name the blocks that its blocks undo."""
    attributes: list[Attribute] = []
    steps: list[Step] = []
    lines = [line for line in network.body.items if isinstance(line, Sequence)]
    taken = [line.name for line in lines if line.name]
    for line in lines:
        undone = f", undoes {line.mirrors}" if mirrored and line.mirrors else ""
        for name, part in _parts(line, taken):
            if isinstance(part, list):
                comment = describe(part[-1].out_shape) + undone
                attributes.append(Attribute(name, chained(part), comment))
                taken.append(name)
                steps.append(called(name, *part))
            else:
                steps.append(part)
    for name, layer in network.heads:
        attributes.append(Attribute(name, chained([layer]), describe(layer.out_shape)))
    results = [f"self.{name}({{x}})" for name, _ in network.heads] or ["{x}"]
    kept = [step.name for step in steps if isinstance(step, Keep)]
    if kept:
        results.append(f"[{', '.join(kept)}]")
    takes_skips = any(isinstance(node, Skip) for node in flattened(network.body))
    return Half(network, tuple(attributes), tuple(steps), tuple(results), takes_skips)


def _parts(line: Sequence, taken: Items[str]) -> Iterator[tuple[str, Step | list[Node]]]:
    """A line as attributes and steps; the last attribute with weights has the line's name."""
    runs = runs_of(line)
    attributes = [run for written, run in runs if not written]
    weighted = [run for run in attributes if any(layer.parameters for node in run for layer in layers(node))]
    main = [None, *attributes, *weighted][-1]
    for written, run in runs:
        if written:
            yield from (("", _step(node)) for node in run)
            continue
        yield str(line.name) if run is main else free_name(role(run), taken), run


def runs_of(line: Sequence) -> list[tuple[bool, list[Node]]]:
    """The nodes of a line in runs, and whether a run is written into forward or is a module.

    What torch has no module for is written into forward; so is any reshape in a line without a name, or in one that
    takes the label, which could not be an `nn.Sequential` anyway.
    """
    no_chain = line.name is None or takes_label(line)

    def is_written(node: Node) -> bool:
        return is_expression(node) and (no_chain or needs_forward(node))

    return [(written, list(run)) for written, run in groupby(flattened(line), key=is_written)]


def _step(node: Node) -> Step:
    match node:
        case Tap():
            return Keep(f"skip{node.number}")
        case Skip():
            kept = f"skips[{node.number - 1}]"
            return f"torch.cat(({{x}}, {kept}), dim=1)" if node.join == "cat" else f"{{x}} + {kept}"
        case Layer() if node.definition.expression is not None:
            return node.definition.expression(node)
    raise AssertionError(f"{type(node).__name__} is no step of forward")
