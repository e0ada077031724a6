"""The parser of `grammar/dgan.lark`. Its tables are stored: to compute them takes longer than to compile a network."""

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
    stored = stored_tables()
    if not are_current(stored):
        return _computed(resource("grammar", "dgan.lark"))
    parser: Lark = Lark.load(stored["parser"])
    return parser


def stored_tables() -> dict[str, Any]:
    """What is stored: the parser's tables, and the grammar and version of lark that they belong to."""
    try:
        stored: dict[str, Any] = json.loads(resource("grammar", TABLES), object_pairs_hook=_with_numbers)
    except FileNotFoundError:
        return {}
    return stored


def are_current(stored: dict[str, Any]) -> bool:
    """Whether stored tables belong to the grammar and lark as they are here."""
    return stored.get("lark") == lark.__version__ and stored.get("grammar") == _fingerprint()


def computed_tables() -> str:
    """The content of the file of tables, which `tools/generate.py` writes."""
    data, memo = _computed(resource("grammar", "dgan.lark")).memo_serialize([TerminalDef, Rule])
    stored = {"lark": lark.__version__, "grammar": _fingerprint(), "parser": {"data": data, "memo": memo}}
    return json.dumps(stored, separators=(",", ":")) + "\n"


def _computed(text: str) -> Lark:
    return Lark(text, parser="lalr", start=["start", "expression"], propagate_positions=True)


def _fingerprint() -> str:
    return hashlib.sha256(resource("grammar", "dgan.lark").encode()).hexdigest()


def _with_numbers(pairs: list[tuple[str, Any]]) -> dict[Any, Any]:
    """An object whose keys are numbers again where they were: states, and places in the memo."""
    return {int(key) if key.isdigit() else key: value for key, value in pairs}
