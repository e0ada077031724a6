"""A model as a picture. What repeats within a line is shown once, in a frame that says how often it comes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from dcgan_compiler.codegen.names import mirrored_title
from dcgan_compiler.diagnostics import printable
from dcgan_compiler.ir import Gate, Layer, Model, Network, Node, Parallel, Sequence, Skip, Tap, describe, layers
from dcgan_compiler.layers.definition import OPERATOR
from dcgan_compiler.names import class_name
from dcgan_compiler.report.graph.picture import Card, Chain, Chip, Fork, Frame, Half, Item, Picture, Row
from dcgan_compiler.report.graph.repeats import repeated, shortened, skeleton
from dcgan_compiler.report.pairs import Pair, is_repeat, pairs
from dcgan_compiler.report.summary import describe_nodes

_RESIZE, _RESHAPE, _SKIP = "resize", "reshape", "skip"
_KEEP, _JOINS = "keep", {"cat": "concat", "add": "add"}


def picture(model: Model) -> Picture:
    """The picture of a model."""
    rows = shortened([_row(pair) for pair in pairs(model)])
    return Picture(
        printable(model.name),
        model.kind,
        _half(model.source),
        _half(model.derived, is_tied=model.policy is not None and model.policy.tied),
        tuple(_titled(row) for row in rows),
        f"{'code' if model.latent is None else 'z'} {describe(model.derived.in_shape)}",
        model.source.role == "encoder",
        model.mirrored,
    )


def _half(network: Network, *, is_tied: bool = False) -> Half:
    title = network.role.capitalize()
    return Half(title, network.in_shape, network.out_shape, network.parameters, network.multiply_adds, is_tied)


# Cards


def _row(pair: Pair) -> Row:
    return Row(_card(pair.source) if pair.source else None, _card(pair.derived) if pair.derived else None)


def _card(line: Sequence) -> Card:
    parameters = sum(layer.parameters for layer in layers(line))
    card = Card(line.name or "", "", _chain(line.items), line.in_shape, line.out_shape, parameters)
    return _with_skips_outside(card)


def _titled(row: Row) -> Row:
    """A row in which a card that is one frame bears its title."""
    return Row(row.source and _titled_card(row.source), row.derived and _titled_card(row.derived))


def _titled_card(card: Card) -> Card:
    match card.chain:
        case (Frame() as frame,):
            return replace(card, caption=frame.title, chain=frame.chain)
    return card


def _with_skips_outside(card: Card) -> Card:
    """A skip connection that begins or ends at the edge of a card is drawn outside."""
    first, last = card.chain[:1], card.chain[-1:]
    if first and isinstance(first[0], Chip) and first[0].role == _SKIP:
        return replace(card, chain=card.chain[1:], kept=first[0].skip)
    if last and isinstance(last[0], Chip) and last[0].role == _SKIP:
        return replace(card, chain=card.chain[:-1], joined=last[0].text, skip=last[0].skip)
    return card


def _chain(nodes: Iterable[Node]) -> Chain:
    """Nodes in a row, with what repeats in one frame."""
    items = [item for node in nodes for item in _items(node)]
    chain: list[Item] = []
    for _, group in groupby(items, key=skeleton):
        members = list(group)
        chain += [repeated(members)] if isinstance(members[0], Frame) else members
    return tuple(inner for item in chain for inner in _without_idle_frame(item))


def _items(node: Node) -> Chain:
    match node:
        case Layer():
            return (Chip(describe_nodes((node,))[0], _role(node)),)
        case Parallel():
            return (Fork(node.fan_out, node.join, tuple(_branch(branch) for branch in node.branches)),)
        case Gate():
            return (Fork("copy", "multiply", (_chain(node.body.items), ())),)
        case Skip():
            return (Chip(_JOINS[node.join], _SKIP, node.number),)
        case Tap():
            return (Chip(_KEEP, _SKIP, node.number),)
        case Sequence(macro=str(macro)):
            title = class_name(macro)
            return (Frame(mirrored_title(title) if node.transposed else title, 1, _chain(node.items), node.out_shape),)
        case Sequence():
            return tuple(map(_iteration, node.items)) if is_repeat(node) else _chain(node.items)


def _branch(branch: Sequence) -> Chain:
    """A branch; one that has a name, as a head has, shows it."""
    chain = _chain(branch.items)
    if branch.name and len(chain) == 1 and isinstance(chain[0], Chip):
        return (replace(chain[0], text=f"{branch.name}: {chain[0].text}"),)
    return chain


def _iteration(node: Node) -> Frame:
    chain = _items(node)
    return chain[0] if len(chain) == 1 and isinstance(chain[0], Frame) else Frame("", 1, chain, node.out_shape)


def _without_idle_frame(item: Item) -> Chain:
    """A frame around one iteration says nothing."""
    return item.chain if isinstance(item, Frame) and not item.title else (item,)


def _role(layer: Layer) -> str:
    """The layer's role; an operator without weights is told apart by what it does to a map."""
    definition = layer.definition
    if definition.role != OPERATOR or definition.weights is not None:
        return definition.role
    resizes = len(layer.in_shape) == len(layer.out_shape) and layer.in_shape[1:] != layer.out_shape[1:]
    return _RESIZE if definition.pools or resizes else _RESHAPE
