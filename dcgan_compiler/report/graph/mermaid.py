"""The picture of a model as a Mermaid flowchart, which GitHub and GitLab draw in a page."""

from __future__ import annotations

from collections.abc import Iterator

from dcgan_compiler.report.graph.picture import Picture
from dcgan_compiler.report.graph.wiring import Arrow, Node, Wired, wire

_ENTITIES = {ord(character): f"#{ord(character)};" for character in '#&"<>`\\'}


def draw(picture: Picture) -> str:
    """The flowchart; its dotted lines join what undoes each other."""
    wiring = wire(picture)
    lines = ["flowchart TB", *_half(wiring.source, "TB"), *_half(wiring.derived, "BT")]
    lines += [f"  {_arrow(arrow)}" for arrow in wiring.between]
    lines += [f"  {one} -.- {other}" for one, other in wiring.related]
    return "\n".join(lines) + "\n"


def _half(wired: Wired, direction: str) -> Iterator[str]:
    title = f"{wired.half.title}: {wired.half.parameters:,} parameters"
    yield f'  subgraph {wired.id}["{_escaped(title)}"]'
    yield f"    direction {direction}"
    yield from (f"    {_node(node)}" for node in wired.nodes)
    yield from (f"    {_arrow(arrow)}" for arrow in wired.arrows)
    yield "  end"


def _node(node: Node) -> str:
    text = "<br/>".join(map(_escaped, node.lines))
    return f'{node.id}(("{text}"))' if node.is_joint else f'{node.id}["{text}"]'


def _arrow(arrow: Arrow) -> str:
    label = f'|"{_escaped(arrow.label)}"|' if arrow.label else ""
    return f"{arrow.tail} -->{label} {arrow.head}"


def _escaped(text: str) -> str:
    return text.translate(_ENTITIES)
