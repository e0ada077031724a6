"""The picture of a model in the language of Graphviz: `dot -Tsvg`."""

from __future__ import annotations

from collections.abc import Iterator

from dcgan_compiler.report.graph.picture import Picture
from dcgan_compiler.report.graph.wiring import Arrow, Node, Wired, wire


def draw(picture: Picture) -> str:
    """The graph; one half flows down, the other up, and dotted lines join what undoes each other."""
    wiring = wire(picture)
    lines = [
        f"digraph {_quoted(picture.name)} {{",
        '  node [shape=box, style=rounded, fontname="monospace", fontsize=11];',
        '  edge [fontname="monospace", fontsize=10];',
        *_half(wiring.source, up=False),
        *_half(wiring.derived, up=True),
        *(f"  {_arrow(arrow)} [constraint=false{_label(arrow, ', ')}];" for arrow in (*wiring.code, *wiring.skips)),
    ]
    for one, other in wiring.related:
        lines.append(f"  {{ rank=same; {one} -> {other} [dir=none, style=dotted, constraint=false]; }}")
    return "\n".join([*lines, "}"]) + "\n"


def _half(wired: Wired, *, up: bool) -> Iterator[str]:
    """One half; an upward arrow is written downward with its head at its tail, since that decides who stands above."""
    yield f"  // {wired.half.title}: {wired.half.size}"
    yield from (f"  {_node(node)}" for node in wired.nodes)
    for arrow in wired.arrows:
        if up:
            yield f"  {_arrow(Arrow(arrow.head, arrow.tail))} [dir=back{_label(arrow, ', ')}];"
        else:
            yield f"  {_arrow(arrow)} [{_label(arrow)}];".replace(" []", "")


def _node(node: Node) -> str:
    shape = ", shape=circle" if node.is_joint and len(node.lines[0]) == 1 else ""
    return f"{node.id} [label={_quoted(*node.lines)}{shape}];"


def _arrow(arrow: Arrow) -> str:
    return f"{arrow.tail} -> {arrow.head}"


def _label(arrow: Arrow, separator: str = "") -> str:
    return f"{separator}label={_quoted(arrow.label)}" if arrow.label else ""


def _quoted(*lines: str) -> str:
    """Lines of text as one string, each with its special characters escaped."""
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'
