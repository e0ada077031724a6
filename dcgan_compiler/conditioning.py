"""Conditional models: both halves are told the class of each sample, in the way that `condition` names.

| method       | the described half                            | the derived half                                  |
| ------------ | --------------------------------------------- | ------------------------------------------------- |
| `concat`     | a one-hot vector beside the channels          | the same beside the latent                        |
| `embedding`  | a learned vector beside the channels          | the same beside the latent                        |
| `projection` | the score is a projection on the class        | a gain and a bias for each class in batch norms   |
| `auxiliary`  | two heads: the score, and logits of the class | a one-hot vector beside the latent                |

The mirror is made from the half as it was described, so that nothing of the class is undone in it.
"""

from __future__ import annotations

from collections.abc import Sequence as Items
from dataclasses import replace
from itertools import chain, count
from math import prod

from dcgan_compiler import problems
from dcgan_compiler.diagnostics import Problem
from dcgan_compiler.ir import Layer, Network, Node, Parallel, Sequence, Shape, Value, describe, layers, takes_label
from dcgan_compiler.kinds import AUXILIARY, EMBEDDING, PROJECTION, Condition
from dcgan_compiler.layers import place
from dcgan_compiler.layers.definition import Draft
from dcgan_compiler.layers.geometry import windows
from dcgan_compiler.naming import named
from dcgan_compiler.rebuild import rebuilt
from dcgan_compiler.rewrite import flattens_one_place, is_dense, placed_nodes, with_line
from dcgan_compiler.source import Span

AUXILIARY_HEADS = ("score", "class_logits")
_LINE = "condition"


def beside_latent(condition: Condition | None) -> int:
    """How many features the body of the derived half takes beside the latent."""
    return 0 if condition is None or condition.method == PROJECTION else condition.width


def told_source(network: Network, condition: Condition, span: Span) -> Network:
    """The described half, told the class; `span` is where the author asks for it. Raises a located `Problem`."""
    if condition.method == PROJECTION:
        return replace(network, body=_projecting(network.body, condition))
    if condition.method == AUXILIARY:
        return _classifying(network, condition)
    shape = network.in_shape
    wider = (shape[0] + condition.width, *shape[1:])
    body = _widened(network, wider)
    heads = tuple(
        (name, place(Draft(head.name, head.arguments), body.out_shape, head.span)[0]) for name, head in network.heads
    )
    return replace(network, body=_behind_class(body, shape, condition, span), heads=heads)


def told_derived(network: Network, source: Network, condition: Condition, span: Span) -> Network:
    """The derived half, told the class; its body takes the features of `beside_latent` already.

    `source` is the described half, told the class. Raises a `Problem` at `span` where there is nothing to tell.
    """
    if condition.method == PROJECTION:
        return replace(network, body=_normed_by_class(network, condition, span))
    latent = network.in_shape[0] - condition.width
    body = _behind_class(network.body, (latent,), condition, span)
    return replace(network, body=_undoing(body, source.body))


def _undoing(body: Sequence, other: Sequence) -> Sequence:
    """The body, in which no line is said to undo one that the other half has no more: that of its former head."""
    names = {line.name for line in other.items if isinstance(line, Sequence)}
    lines = (
        replace(line, mirrors=None) if isinstance(line, Sequence) and line.mirrors not in names else line
        for line in body.items
    )
    return replace(body, items=tuple(lines))


# The class beside the channels


def _behind_class(body: Sequence, in_shape: Shape, condition: Condition, span: Span) -> Sequence:
    """A body that takes the class beside its channels, behind a line that puts it there."""
    arguments = {"classes": condition.classes}
    draft = Draft("append_one_hot", arguments)
    if condition.method == EMBEDDING:
        draft = Draft("append_embedding", {**arguments, "embedding_dim": condition.width})
    taken = {item.name for item in body.items if isinstance(item, Sequence)}
    name = next(name for name in chain((_LINE,), (f"{_LINE}_{n}" for n in count(2))) if name not in taken)
    line = replace(Sequence.build(place(draft, in_shape, span), in_shape, span), name=name)
    return Sequence.build((line, *body.items), in_shape, body.span)


def _widened(network: Network, in_shape: Shape) -> Sequence:
    """The body of a half on an input with more channels, which must end as before if it is a discriminator."""
    extra = in_shape[0] - network.in_shape[0]
    hint = "let it begin with a layer that sets the channels, such as `conv` or `linear`"
    try:
        body = rebuilt(network.body, in_shape, lambda node, shape: None)
    except Problem as problem:
        found = problem.diagnostic
        raise problems.CLASS_INPUT.error(
            found.span, extra=extra, half=network.role, reason=found.message, hint=hint
        ) from None
    if not network.heads and body.out_shape != network.out_shape:
        reason = f"it ends at {describe(body.out_shape)} instead of {describe(network.out_shape)}"
        raise problems.CLASS_INPUT.error(body.span, extra=extra, half=network.role, reason=reason, hint=hint)
    return body


# The class in the head of a discriminator


def _projecting(body: Sequence, condition: Condition) -> Sequence:
    """The body with a projection on the class for its last operator."""
    head, after = _head(body, condition.method)
    features = place(Draft("flatten", {}), head.in_shape, head.span)
    arguments = {"classes": condition.classes, **_linear_arguments(head)}
    shape = features[-1].out_shape if features else head.in_shape
    projection = place(Draft("projection_head", arguments), shape, head.span)
    return _replaced(body, {id(head): (*features, *projection), **after})


def _classifying(network: Network, condition: Condition) -> Network:
    """The network with two heads for its last operator: the score, and a logit for each class."""
    for line in network.body.items:
        if isinstance(line, Sequence) and line.name in AUXILIARY_HEADS:
            reason = f"with `condition {condition.method}` the {network.role} has a head of that name"
            raise problems.RESERVED_NAME.error(line.span, name=line.name, what="a line", reason=reason, hint=None)
    head, after = _head(network.body, condition.method)
    line = next(line for line in network.body.items if any(layer is head for layer in layers(line)))
    body = with_line(_replaced(network.body, {id(head): (), **after}), Draft("flatten", {}))

    def linear(size: int) -> Layer:
        arguments = {"out_features": size, **_linear_arguments(head)}
        return place(Draft("linear", arguments), body.out_shape, line.span)[0]

    heads = tuple(zip(AUXILIARY_HEADS, (linear(1), linear(condition.classes)), strict=True))
    return replace(network, body=named(body, has_head=False), heads=heads)


def _head(body: Sequence, method: str) -> tuple[Layer, dict[int, tuple[Node, ...]]]:
    """The last operator, which scores all features, and what to do without after it: a flatten of one place."""
    placed = list(placed_nodes(body))
    last = max(n for n, one in enumerate(placed) if one.is_operator and not flattens_one_place(one.node))
    head = placed[last].node
    following = [one for one in placed[last + 1 :] if not flattens_one_place(one.node)]
    reason, hint = _why_no_head(head)
    if following:
        name = _name(following[0].node)
        reason, hint = f"`{name}` follows it", f"leave `{name}` out: the losses of PyTorch for a GAN take logits"
    if reason or not isinstance(head, Layer):
        span = following[0].node.span if following else head.span
        raise problems.CLASS_HEAD.error(span, method=method, layer=_name(head), reason=reason, hint=hint)
    return head, {id(one.node): () for one in placed[last + 1 :]}


def _why_no_head(node: Node) -> tuple[str | None, str | None]:
    """Why an operator is no linear function of all features that gives one score, if it is not; and what to do."""
    size = prod(node.out_shape)
    hint = "end with `flatten -> linear(1)`, or with a `conv(1, ...)` as large as the map"
    if not isinstance(node, Layer) or not node.definition.width or not is_dense(node):
        return "it is no `linear` and no `conv`", hint
    if prod(node.out_shape[1:]) > 1:
        return f"it gives a score for each of {size} patches", f"{hint}; `condition concat` is for patches, too"
    if size > 1:
        return f"it gives {size} values instead of one score", hint
    if len(node.in_shape) > 1 and not _covers_map(node):
        return f"its window is not the whole map {describe(node.in_shape)}", hint
    return None, None


def _covers_map(layer: Layer) -> bool:
    """Whether a convolution to one place has a weight for every value that arrives: it is a linear layer then."""
    return all(
        (window.k, window.p) == (size, 0)
        for window, size in zip(windows(layer.arguments), layer.in_shape[1:], strict=True)
    )


def _name(node: Node) -> str:
    match node:
        case Layer():
            return node.name
        case Parallel():
            return node.keyword
        case _:
            return "gate"


def _linear_arguments(layer: Layer) -> dict[str, Value]:
    return {name: layer.arguments[name] for name in ("bias", "spectral_norm", "weight_norm")}


def _replaced(body: Sequence, changes: dict[int, tuple[Node, ...]]) -> Sequence:
    """The body with other nodes in the place of some, by their ids; lines and blocks that are left empty go."""
    return _without_empty(rebuilt(body, body.in_shape, lambda node, in_shape: changes.get(id(node))))


def _without_empty(sequence: Sequence) -> Sequence:
    kept = [_without_empty(item) if isinstance(item, Sequence) else item for item in sequence.items]
    return replace(sequence, items=tuple(item for item in kept if not isinstance(item, Sequence) or item.items))


# The class in the batch norms of a generator


def _normed_by_class(network: Network, condition: Condition, span: Span) -> Sequence:
    """The body with a gain and a bias for each class in every batch norm."""

    def change(node: Node, in_shape: Shape) -> Items[Node] | None:
        if not isinstance(node, Layer) or node.definition.conditional is None:
            return None
        return place(node.definition.conditional(node, condition.classes), in_shape, node.span)

    body = rebuilt(network.body, network.in_shape, change)
    if not takes_label(body):
        hint = f"`norm batch_norm` in `{network.role} mirror {{ ... }}` puts one at every activation"
        raise problems.NO_CLASS_NORM.error(span, half=network.role, hint=hint)
    return body
