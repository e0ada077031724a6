"""The style sheet of the picture: two themes, and a colour for each role of a layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple


class Colours(NamedTuple):
    """How a chip is painted."""

    fill: str
    edge: str
    ink: str


ROLES = {
    "operator": "operator",
    "norm": "normalisation",
    "activation": "activation",
    "resize": "pool, resize",
    "reshape": "reshape",
    "dropout": "dropout",
    "attention": "attention",
    "skip": "skip connection",
    "block": "block shown before",
}
"""The roles of layers with their names in the legend, in its order."""

_LIGHT = {
    "ground": "#ffffff",
    "card": "#f6f8fa",
    "edge": "#d1d9e0",
    "ink": "#1f2328",
    "soft": "#59636e",
    "flow": "#6e7781",
    "relation": "#8250df",
    "front": "#b6c8ec",
    "top": "#dbe4f6",
    "side": "#8fa6d6",
    "outline": "#5b73a8",
}
_DARK = {
    "ground": "#0d1117",
    "card": "#161b22",
    "edge": "#3d444d",
    "ink": "#e6edf3",
    "soft": "#9198a1",
    "flow": "#7d8590",
    "relation": "#a371f7",
    "front": "#3b4f7d",
    "top": "#566ca0",
    "side": "#2b3a60",
    "outline": "#8ea5da",
}
_LIGHT_ROLES = {
    "operator": Colours("#ddf4ff", "#80ccff", "#0a3069"),
    "norm": Colours("#fff8c5", "#eac54f", "#633c01"),
    "activation": Colours("#dafbe1", "#6fdd8b", "#044f1e"),
    "resize": Colours("#fbefff", "#d8b9ff", "#512a97"),
    "reshape": Colours("#eaeef2", "#c4cdd6", "#32383f"),
    "dropout": Colours("#ffeff7", "#ffb3d8", "#772057"),
    "attention": Colours("#fff1e5", "#ffb77c", "#762c00"),
    "skip": Colours("#d6f5f2", "#6bd3c9", "#0b4f4a"),
    "block": Colours("#ffffff", "#8c959f", "#32383f"),
}
_DARK_ROLES = {
    "operator": Colours("#0c2d4d", "#1f6feb", "#cae8ff"),
    "norm": Colours("#3b2a04", "#9e6a03", "#f8e3a1"),
    "activation": Colours("#0b2e17", "#238636", "#aff5b4"),
    "resize": Colours("#2c1a4d", "#8957e5", "#eddeff"),
    "reshape": Colours("#262c36", "#565f6b", "#d1d7e0"),
    "dropout": Colours("#42132f", "#bf4b8a", "#ffdaec"),
    "attention": Colours("#3d1d06", "#bd561d", "#ffdfb6"),
    "skip": Colours("#0b3532", "#1f8f86", "#b5f0ea"),
    "block": Colours("#0d1117", "#7d8590", "#d1d7e0"),
}

_GEOMETRY = """
.dcganc text{font:12px sans-serif}
.dcganc .layer,.dcganc .shape,.dcganc .caption{font:11px monospace}
.dcganc .title{font:600 22px sans-serif}
.dcganc .heading{font:600 15px sans-serif}
.dcganc .word{font:10.5px sans-serif}
.dcganc .name{font-weight:600}
.dcganc .middle{text-anchor:middle}
.dcganc .end{text-anchor:end}
.dcganc path{fill:none}
.dcganc .flow,.dcganc .knot path{stroke-width:1.4}
.dcganc .skip-line{stroke-width:2}
.dcganc .leader{stroke-width:.8}
.dcganc .relation{stroke-width:1.6;stroke-dasharray:.1 5;stroke-linecap:round}
.dcganc .frame{fill:none;stroke-dasharray:3 3}
.dcganc .box{stroke-width:.7;stroke-linejoin:round}
"""
_COLOURS = """
.dcganc .ground{fill:%(ground)s;stroke:%(edge)s}
.dcganc .card{fill:%(card)s;stroke:%(edge)s}
.dcganc .behind{fill:%(card)s}
.dcganc text,.dcganc .name{fill:%(ink)s}
.dcganc .soft,.dcganc .caption,.dcganc .word{fill:%(soft)s}
.dcganc .flow,.dcganc .frame{stroke:%(flow)s}
.dcganc .head{fill:%(flow)s}
.dcganc .leader{stroke:%(edge)s}
.dcganc .relation{stroke:%(relation)s}
.dcganc .pill,.dcganc .knot circle{fill:%(ground)s;stroke:%(flow)s}
.dcganc .knot path{stroke:%(ink)s}
.dcganc .box{stroke:%(outline)s}
.dcganc .front{fill:%(front)s}
.dcganc .top{fill:%(top)s}
.dcganc .side{fill:%(side)s}
"""


def style() -> Iterator[str]:
    """The lines of the style sheet; every rule holds inside the picture only, even where it stands in a page."""
    yield _GEOMETRY.strip()
    yield from _theme(_LIGHT, _LIGHT_ROLES)
    yield "@media (prefers-color-scheme:dark){"
    yield from _theme(_DARK, _DARK_ROLES)
    yield "}"


def _theme(colours: Mapping[str, str], roles: Mapping[str, Colours]) -> Iterator[str]:
    yield (_COLOURS % colours).strip()
    for role, (fill, edge, ink) in roles.items():
        yield f".dcganc .chip.{role}{{fill:{fill};stroke:{edge}}}.dcganc .layer.{role}{{fill:{ink}}}"
