"""The parser of `grammar/dgan.lark`. Its tables are computed beforehand: that takes longer than a whole compilation."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import Any

import lark
from lark import Lark
from lark.grammar import Rule
from lark.lexer import TerminalDef

from dcgan_compiler.resources import resource

TABLES = "dgan.tables.json"


@cache
def grammar() -> Lark:
    """The parser, from the stored tables if they belong to this grammar and this version of lark."""
    text = resource("grammar", "dgan.lark")
    try:
        stored = json.loads(resource("grammar", TABLES), object_pairs_hook=_with_numbers)
    except FileNotFoundError:
        stored = {}
    if stored.get("of") != _fingerprint(text):
        return _computed(text)
    parser: Lark = Lark.load(stored["parser"])
    return parser


def tables() -> str:
    """The content of the file of tables, which `tools/generate.py` writes."""
    text = resource("grammar", "dgan.lark")
    data, memo = _computed(text).memo_serialize([TerminalDef, Rule])
    stored = {"of": _fingerprint(text), "parser": {"data": data, "memo": memo}}
    return json.dumps(stored, separators=(",", ":")) + "\n"


def _computed(text: str) -> Lark:
    return Lark(text, parser="lalr", start=["start", "expression"], propagate_positions=True)


def _fingerprint(text: str) -> str:
    return hashlib.sha256(f"lark {lark.__version__}\n{text}".encode()).hexdigest()


def _with_numbers(pairs: list[tuple[str, Any]]) -> dict[Any, Any]:
    """An object whose keys are numbers again where they were: states, and places in the memo."""
    return {int(key) if key.isdigit() else key: value for key, value in pairs}
