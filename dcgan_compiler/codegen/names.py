"""Names in the generated code that the author did not give: of attributes, and of classes."""

from __future__ import annotations

from collections.abc import Sequence as Items

from dcgan_compiler.ir import Layer, Node, Parallel, Shape
from dcgan_compiler.layers.definition import ACTIVATION, NORM


def free_name(name: str, taken: Items[str]) -> str:
    """The name, or the first of `name2`, `name3`, ... that is not taken."""
    numbered = (name if n == 1 else f"{name}{n}" for n in range(1, len(taken) + 2))
    return next(candidate for candidate in numbered if candidate not in taken)


def role(run: Items[Node]) -> str:
    """A name for an attribute from what it holds."""
    if len(run) > 1:
        return "layers"
    node = run[0]
    if isinstance(node, Layer):
        return node.definition.role if node.definition.role in (NORM, ACTIVATION) else node.name
    return "layers"


def branch_names(node: Parallel) -> list[str]:
    """Names for the branches; only those with layers count."""
    if node.keyword == "residual":
        return ["body", "skip"]
    filled = [bool(branch.items) for branch in node.branches]
    if sum(filled) == 1:
        return ["branch"] * len(filled)
    return [f"branch{sum(filled[: number + 1])}" for number in range(len(filled))]


# Classes


def direction(in_shape: Shape, out_shape: Shape) -> str:
    """Which way the size of a map goes."""
    size, new_size = in_shape[1:], out_shape[1:]
    return "Down" if new_size < size else "Up" if new_size > size else ""


def conditional_title(nodes: Items[Node]) -> str:
    """The name of the class of several nodes in a row, some of which take the label."""
    if all(isinstance(node, Layer) and node.definition.role in (NORM, ACTIVATION) for node in nodes):
        return "ConditionalActivation"
    return f"Conditional{direction(nodes[0].in_shape, nodes[-1].out_shape)}Block"


_OPPOSITES = (("Down", "Up"), ("Encode", "Decode"), ("Contract", "Expand"), ("Reduce", "Expand"), ("Pool", "Unpool"))


def mirrored_title(title: str) -> str:
    """The name of the class that undoes a class: the opposite where there is a word for it."""
    for one, other in _OPPOSITES:
        if one in title:
            return title.replace(one, other)
        if other in title:
            return title.replace(other, one)
    return f"{title}Transpose"
