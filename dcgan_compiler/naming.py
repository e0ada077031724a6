"""The names of the lines of a network: the author's labels, or numbered roles."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, count

from dcgan_compiler.ir import Layer, Sequence, layers
from dcgan_compiler.layers.definition import ACTIVATION, NORM, OPERATOR

HEAD = "head"


def named(body: Sequence, *, has_head: bool) -> Sequence:
    """The body with a name on every line that has weights or more than one layer.

    A label stays as it is; where the mirror has parts of a line in two places, it is that of the first with weights.
    The last line is the `head` if it is one operator with weights and at most an activation after it; any other line is
    `block<n>` by its place. A line of reshaping only keeps no name: it is written into `forward`.
    """
    lines = [item for item in body.items if isinstance(item, Sequence)]
    labelled = [line for line in lines if line.labelled]
    weighted = [line for line in labelled if any(layer.parameters for layer in layers(line))]
    owners = {line.name: line for line in reversed([*weighted, *labelled])}
    blocks = [line for line in lines if line.labelled or not _is_reshape(line)]
    names: dict[int, str | None] = {}
    for number, line in enumerate(blocks, start=1):
        is_head = has_head and line is blocks[-1] and HEAD not in owners and _is_head(line)
        role = HEAD if is_head else f"block{number}"
        candidates = chain((role,), (f"{role}_{n}" for n in count(2)))
        is_owner = owners.get(line.name) is line
        names[id(line)] = line.name if is_owner else next(name for name in candidates if name not in owners)
    return replace(body, items=tuple(replace(line, name=names.get(id(line))) for line in lines))


def _is_reshape(line: Sequence) -> bool:
    return all(isinstance(item, Layer) and item.definition.expression is not None for item in line.items)


def _is_head(line: Sequence) -> bool:
    """One operator with weights, nothing but an activation after it, and no norm."""
    if not all(isinstance(item, Layer) for item in line.items):
        return False
    items = [item for item in line.items if isinstance(item, Layer)]
    weighted = [position for position, item in enumerate(items) if item.parameters and item.definition.role == OPERATOR]
    after = items[weighted[0] + 1 :] if len(weighted) == 1 else items
    plain = all(item.definition.role != NORM for item in items)
    return plain and all(item.definition.role == ACTIVATION or item.definition.expression for item in after)
