"""The two halves of a model as a picture: `dcganc graph`.

`composition` decides what the picture shows. For SVG, `sketch` and `layout` place it and `svg` draws it; for programs
that place things themselves, `wiring` says what is joined to what, and `mermaid` and `dot` write it down.
"""

from __future__ import annotations

from dcgan_compiler.ir import Model
from dcgan_compiler.report.graph import dot, mermaid, svg
from dcgan_compiler.report.graph.composition import picture

MARK = "Drawn by dcganc"

_FORMATS = {
    "svg": (svg.draw, "<!-- {} -->", (".svg",)),
    "mermaid": (mermaid.draw, "%% {}", (".mmd", ".mermaid")),
    "dot": (dot.draw, "// {}", (".dot", ".gv")),
}
SUFFIXES = tuple(suffix for _, _, suffixes in _FORMATS.values() for suffix in suffixes)
"""The extensions of files with a picture."""


def graph(model: Model, form: str = "svg") -> str:
    """The picture of a model as text: `svg`, `mermaid` or `dot`. The same model gives the same text."""
    draw, comment, _ = _FORMATS[form]
    return f"{comment.format(MARK)}\n{draw(picture(model))}"


def format_of(suffix: str) -> str | None:
    """The format of files with an extension, such as `.svg`; None for one that is not known."""
    return next((form for form, (_, _, suffixes) in _FORMATS.items() if suffix.lower() in suffixes), None)


def is_drawn(data: bytes) -> bool:
    """Whether a file is a picture that came from here, by its first line."""
    first, _, _ = data.partition(b"\n")
    return first.decode("ascii", "replace") in [comment.format(MARK) for _, comment, _ in _FORMATS.values()]
