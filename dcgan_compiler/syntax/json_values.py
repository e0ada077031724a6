"""JSON text -> JSON values that know where they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lark import Lark, Token, Tree, UnexpectedInput, v_args
from lark.tree import Meta
from lark.visitors import Transformer_NonRecursive

from dcgan_compiler.diagnostics import DescriptionError, Diagnostic
from dcgan_compiler.problems import JSON_DUPLICATE_KEY, JSON_SYNTAX, TOO_DEEP
from dcgan_compiler.resources import resource
from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax.expected import JSON, Failure, failure, json_hint, quoted
from dcgan_compiler.syntax.scan import MAX_DEPTH, too_deep_json

MAX_JSON_DEPTH = 4 * MAX_DEPTH + 16  # a body in a labelled line takes four brackets in JSON and one in the text
_CHARACTER = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Json:
    """Any JSON value."""

    span: Span


@dataclass(frozen=True)
class JsonString(Json):
    """A string; `value` has its escapes resolved."""

    value: str

    def offsets(self) -> Sequence[int]:
        """The offset in the source of every character of `value`, and that of the closing quote."""
        start, end = self.span.start + 1, self.span.end - 1
        if "\\" not in self.span.text:
            return range(start, end + 1)
        return [match.start() for match in _CHARACTER.finditer(self.span.source.text, start, end)] + [end]


@dataclass(frozen=True)
class JsonNumber(Json):
    """A number as it is spelled; its value may be out of range."""

    spelling: str


@dataclass(frozen=True)
class JsonConstant(Json):
    """`true`, `false` or `null`."""

    value: bool | None


@dataclass(frozen=True)
class JsonArray(Json):
    """An array."""

    items: tuple[Json, ...]


@dataclass(frozen=True)
class JsonObject(Json):
    """An object; its keys are unique, and in the order of the text."""

    members: tuple[tuple[JsonString, Json], ...]

    def get(self, key: str) -> Json | None:
        """The value of a key, None where there is none."""
        return next((value for name, value in self.members if name.value == key), None)


@cache
def _grammar() -> Lark:
    return Lark(resource("grammar", "json.lark"), parser="lalr", propagate_positions=True)


def read_json(source: Source) -> Json:
    """The value of a whole text; raises DescriptionError."""
    text = source.text.replace("\ufeff", " ", 1) if source.text.startswith("\ufeff") else source.text
    deep = too_deep_json(text, MAX_JSON_DEPTH)
    if deep is not None:
        raise DescriptionError([TOO_DEEP.at(Span(source, deep, deep + 1), limit=MAX_JSON_DEPTH)])
    try:
        tree: Tree[Token] = _grammar().parse(text)
    except UnexpectedInput as error:
        raise DescriptionError([_unexpected(source, failure(error, text))]) from None
    builder = _Builder(source)
    value: Json = builder.transform(tree)
    if builder.problems:
        raise DescriptionError(builder.problems)
    return value


def _unexpected(source: Source, wrong: Failure) -> Diagnostic:
    return JSON_SYNTAX.at(
        Span(source, wrong.start, wrong.end),
        expected=JSON.phrase(wrong.accepted),
        found=quoted(wrong.found, "the end of the file"),
        hint=json_hint(wrong),
    )


@v_args(meta=True, inline=True)
class _Builder(Transformer_NonRecursive[Token, Any]):
    """One method per rule or alias of `grammar/json.lark`."""

    def __init__(self, source: Source) -> None:
        super().__init__(visit_tokens=False)
        self._source = source
        self.problems: list[Diagnostic] = []

    def start(self, _: Meta, value: Json) -> Json:
        return value

    def object(self, meta: Meta, *members: tuple[JsonString, Json]) -> JsonObject:
        seen: set[str] = set()
        for key, _ in members:
            if key.value in seen:
                self.problems.append(JSON_DUPLICATE_KEY.at(key.span, key=key.span.text))
            seen.add(key.value)
        return JsonObject(self._span(meta), members)

    def member(self, _: Meta, key: JsonString, value: Json) -> tuple[JsonString, Json]:
        return key, value

    def key(self, meta: Meta, token: Token) -> JsonString:
        return self.string(meta, token)

    def array(self, meta: Meta, *items: Json) -> JsonArray:
        return JsonArray(self._span(meta), items)

    def string(self, meta: Meta, token: Token) -> JsonString:
        span, value = self._span(meta), json.loads(token)
        if _SURROGATE.search(value):
            found = "half of a surrogate pair"
            self.problems.append(JSON_SYNTAX.at(span, expected="a character", found=found, hint=None))
        return JsonString(span, value)

    def number(self, meta: Meta, token: Token) -> JsonNumber:
        return JsonNumber(self._span(meta), str(token))

    def true(self, meta: Meta) -> JsonConstant:
        return JsonConstant(self._span(meta), True)

    def false(self, meta: Meta) -> JsonConstant:
        return JsonConstant(self._span(meta), False)

    def null(self, meta: Meta) -> JsonConstant:
        return JsonConstant(self._span(meta), None)

    def _span(self, meta: Meta) -> Span:
        return Span(self._source, meta.start_pos, meta.end_pos)
