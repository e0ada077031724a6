"""The picture of a model as a Mermaid flowchart, which GitHub and GitLab draw in a page.

Mermaid keeps the direction of a subgraph only while no arrow leads from inside it to the outside. So the halves are
joined as wholes, and what belongs together across them is said in words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from dcgan_compiler.report.graph.picture import Picture
from dcgan_compiler.report.graph.wiring import Arrow, Node, Wired, Wiring, wire

_ENTITIES = {ord(character): f"#{ord(character)};" for character in '#&"<>`\\'}


def draw(picture: Picture) -> str:
    """The flowchart: one half flows down, the other one beside it up."""
    wiring = wire(picture)
    remarks = _remarks(wiring)
    halves = [*_half(wiring.source, "TB", remarks), *_half(wiring.derived, "BT", remarks)]
    link = f'-->|"{_escaped(picture.code)}"|' if picture.ends_in_code else "~~~" if not picture.mirrored else "-.-"
    return "\n".join(["flowchart LR", *halves, f"  {wiring.source.id} {link} {wiring.derived.id}"]) + "\n"


def _remarks(wiring: Wiring) -> Mapping[str, list[str]]:
    """For nodes of the derived half: what they undo, and which skip connection they receive."""
    titles = {node.id: node.lines[0] for node in wiring.source.nodes}
    remarks: defaultdict[str, list[str]] = defaultdict(list)
    for one, other in wiring.related:
        remarks[other].append(f"undoes {titles[one]}")
    for arrow in wiring.skips:
        remarks[arrow.head].append(f"from {titles[arrow.tail]}")
    return remarks


def _half(wired: Wired, direction: str, remarks: Mapping[str, list[str]]) -> Iterator[str]:
    title = f"{wired.half.title}: {wired.half.size}"
    yield f'  subgraph {wired.id}["{_escaped(title)}"]'
    yield f"    direction {direction}"
    yield from (f"    {_node(node, remarks.get(node.id, []))}" for node in wired.nodes)
    yield from (f"    {_arrow(arrow)}" for arrow in wired.arrows)
    yield "  end"


def _node(node: Node, remarks: list[str]) -> str:
    lines = [_escaped(line) for line in node.lines]
    text = "<br/>".join([*lines, *(f"<i>{_escaped(remark)}</i>" for remark in remarks)])
    return f'{node.id}(("{text}"))' if node.is_joint and not remarks else f'{node.id}["{text}"]'


def _arrow(arrow: Arrow) -> str:
    label = f'|"{_escaped(arrow.label)}"|' if arrow.label else ""
    return f"{arrow.tail} -->{label} {arrow.head}"


def _escaped(text: str) -> str:
    return text.translate(_ENTITIES)
