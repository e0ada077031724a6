"""The same tree of nodes on another input shape, or with other nodes in it: shapes are inferred anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence as Items
from dataclasses import replace

from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.ir import Gate, Layer, Node, Parallel, Sequence, Shape, Skip, Tap

Change = Callable[[Node, Shape], Items[Node] | None]


def rebuild(node: Node, in_shape: Shape, change: Change) -> Node:
    """The same tree on another input shape, with its shapes inferred anew.

    `change` is asked for every node but the sequences, with the shape that now arrives: what it returns stands in the
    node's place (nothing, for an empty list); None keeps the node. Raises a located `Problem` where a layer no longer
    fits.
    """
    changed = None if isinstance(node, Sequence) else change(node, in_shape)
    if changed is not None:
        return changed[0] if len(changed) == 1 else Sequence.build(changed, in_shape, node.span)
    match node:
        case Layer():
            return node if in_shape == node.in_shape else _refitted(node, in_shape)
        case Sequence():
            items: list[Node] = []
            shape = in_shape
            for item in node.items:
                items.append(rebuild(item, shape, change))
                shape = items[-1].out_shape
            return replace(node, items=tuple(items), in_shape=in_shape, out_shape=shape)
        case Parallel():
            shares = [in_shape] * len(node.branches) if node.fan_out == "copy" else node.shares
            branches = [rebuilt(branch, share, change) for branch, share in zip(node.branches, shares, strict=True)]
            return Parallel.build(node.fan_out, node.join, branches, in_shape, node.keyword, node.span)
        case Gate():
            return Gate.build(rebuilt(node.body, in_shape, change), node.span)
        case Tap() | Skip():
            return replace(node, in_shape=in_shape)


def rebuilt(body: Sequence, in_shape: Shape, change: Change) -> Sequence:
    """`rebuild` for a sequence, which stays one."""
    result = rebuild(body, in_shape, change)
    assert isinstance(result, Sequence)
    return result


def _refitted(layer: Layer, in_shape: Shape) -> Layer:
    try:
        return Layer.build(layer.definition, layer.arguments, in_shape, layer.span)
    except Problem as problem:
        raise Problem(problem.located(layer.span)) from None
