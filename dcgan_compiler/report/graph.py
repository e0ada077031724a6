"""The two halves of a model as a picture: `dcganc graph`."""

from __future__ import annotations

from dcgan_compiler.ir import Model
from dcgan_compiler.report import dot, mermaid, svg
from dcgan_compiler.report.composition import picture

_DRAWINGS = {"svg": svg.draw, "mermaid": mermaid.draw, "dot": dot.draw}

FORMATS = tuple(_DRAWINGS)
_SUFFIXES = {".svg": "svg", ".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot"}


def graph(model: Model, form: str = "svg") -> str:
    """The picture of a model as text in one of `FORMATS`."""
    return _DRAWINGS[form](picture(model))


def format_of(suffix: str) -> str | None:
    """The format of files with an extension, such as `.svg`; None for one that belongs to none."""
    return _SUFFIXES.get(suffix.lower())
