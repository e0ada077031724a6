"""What can be seen in a text without parsing it: its form, its brackets, its comments, how deep it nests."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax.tree import Comment

MAX_DEPTH = 64  # what comes after the parser goes down a tree by recursion, and so does Python in the code

_TEXT_TOKEN = re.compile(r"""(?P<quoted>"[^"\r\n]*"|'[^'\r\n]*')|(?P<comment>\#[^\r\n]*)|(?P<bracket>[(){}])""")
_JSON_TOKEN = re.compile(r"""(?P<quoted>"(?:\\.|[^"\\])*")|(?P<bracket>[\[\]{}])""", re.DOTALL)
_OPENING = {")": "(", "}": "{", "]": "["}


def is_json(source: Source) -> bool:
    """Whether a source is in the JSON form: its file is named so, or it starts as no `.dgan` text does."""
    return source.name.lower().endswith(".json") or source.text.lstrip("\ufeff \t\r\n\f")[:1] in ("{", "[")


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


def unclosed_brace(text: str) -> int | None:
    """The offset of the `{` that is not closed, going by how the author indents; None when all brackets are closed.

    Where a `}` starts a line that is indented less than the line of the `{` it would close, its own is another one.
    """
    opened: list[int] = []
    for offset, bracket in brackets(text):
        if bracket == "{":
            opened.append(offset)
        elif bracket == "}" and opened:
            partner = opened.pop()
            indent = _before_on_line(text, offset)
            if not indent.strip() and len(indent) < _indentation(text, partner):
                return partner
    return opened[-1] if opened else None


def _before_on_line(text: str, offset: int) -> str:
    start = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    return text[start:offset]


def _indentation(text: str, offset: int) -> int:
    before = _before_on_line(text, offset)
    return len(before) - len(before.lstrip())


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
