"""What can be seen in a text without parsing it: its form, its brackets, its comments, how deep it nests."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax.tree import Comment

MAX_DEPTH = 64

_TEXT_TOKEN = re.compile(r"""(?P<quoted>"[^"\r\n]*"|'[^'\r\n]*')|(?P<comment>\#[^\r\n]*)|(?P<bracket>[(){}])""")
_JSON_TOKEN = re.compile(r"""(?P<quoted>"(?:\\.|[^"\\])*")|(?P<bracket>[\[\]{}])""", re.DOTALL)
_OPENING = {")": "(", "}": "{", "]": "["}


def is_json(source: Source) -> bool:
    """Whether a source is in the JSON form: no `.dgan` text starts with a brace or a bracket."""
    return source.text.lstrip("\ufeff \t\r\n\f")[:1] in ("{", "[")


def comments(source: Source) -> tuple[Comment, ...]:
    """The comments of a text, in order."""
    if "#" not in source.text:
        return ()
    return tuple(
        Comment(Span(source, match.start(), match.end()), match.group())
        for match in _TEXT_TOKEN.finditer(source.text)
        if match.lastgroup == "comment"
    )


def code_only(text: str) -> str:
    """The text with its comments blanked out; offsets stay."""
    return _TEXT_TOKEN.sub(_blank_comment, text)


def _blank_comment(match: re.Match[str]) -> str:
    return " " * len(match.group()) if match.lastgroup == "comment" else match.group()


def brackets(text: str, token: re.Pattern[str] = _TEXT_TOKEN) -> Iterator[tuple[int, str]]:
    """The offset and character of every bracket outside of strings and comments."""
    return ((match.start(), match.group()) for match in token.finditer(text) if match.lastgroup == "bracket")


def open_brackets(text: str) -> list[int]:
    """The offsets of the brackets that are still open at the end of a text, outermost first."""
    opened: list[int] = []
    for offset, bracket in brackets(text):
        if bracket not in _OPENING:
            opened.append(offset)
            continue
        while bracket == "}" and opened and text[opened[-1]] == "(":
            opened.pop()
        if opened and text[opened[-1]] == _OPENING[bracket]:
            opened.pop()
    return opened


def too_deep(text: str, limit: int) -> int | None:
    """The offset of the first bracket of a `.dgan` text that is nested deeper than `limit`."""
    return _first_deeper(brackets(text), limit)


def too_deep_json(text: str, limit: int) -> int | None:
    """The same of a JSON text."""
    return _first_deeper(brackets(text, _JSON_TOKEN), limit)


def _first_deeper(found: Iterator[tuple[int, str]], limit: int) -> int | None:
    depth = 0
    for offset, bracket in found:
        depth += -1 if bracket in _OPENING else 1
        if depth > limit:
            return offset
    return None
