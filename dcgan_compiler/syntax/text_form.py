"""The `.dgan` text -> syntax tree.

An error does not end the reading: the line it is on is blanked out and the rest is read again, so that one run reports
the mistakes of the whole file, as long as they can not be a consequence of the blanking.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from lark import Token, Tree, UnexpectedInput

from dcgan_compiler.diagnostics import DescriptionError, Diagnostic, Note
from dcgan_compiler.limits import limits
from dcgan_compiler.problems import EMPTY, EXPRESSION_TOO_LONG, TOO_DEEP, UNEXPECTED
from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax.build import MAX_EXPRESSION_LENGTH, build, written_length
from dcgan_compiler.syntax.expected import DGAN, Failure, dgan_hint, failure, quoted
from dcgan_compiler.syntax.grammar import grammar
from dcgan_compiler.syntax.scan import MAX_DEPTH, brackets, code_only, comments, open_brackets, too_deep, unclosed_brace
from dcgan_compiler.syntax.tree import Expression, Model

_BLANKED = re.compile(r"[^\r\n{}]")
_LINE_BREAK = re.compile(r"[\r\n]")


def read(source: Source) -> Model:
    """The model of a text; raises DescriptionError with all that is wrong with its syntax."""
    text = source.text.replace("\ufeff", " ", 1) if source.text.startswith("\ufeff") else source.text
    if not code_only(text).strip():
        raise DescriptionError([EMPTY.at(Span(source, 0, 0))])
    deep = too_deep(text, MAX_DEPTH)
    if deep is not None:
        raise DescriptionError([TOO_DEEP.at(Span(source, deep, deep + 1), limit=MAX_DEPTH)])
    parsed = _parse(text)
    if isinstance(parsed, Failure):
        raise DescriptionError(_syntax_errors(source, text, parsed))
    model: Model = build(parsed, source, range(len(text) + 1))
    return replace(model, comments=comments(source))


def read_expression(source: Source, text: str, offsets: Sequence[int], depth: int = 0) -> Expression:
    """An expression that is a string of `source`: character i of `text` stands at `offsets[i]`, its end at the last.

    `depth` is the number of brackets that are open around it. Raises DescriptionError.
    """
    whole = Span(source, offsets[0], offsets[-1])
    length = written_length(text)
    if length > MAX_EXPRESSION_LENGTH:
        raise DescriptionError([EXPRESSION_TOO_LONG.at(whole, limit=MAX_EXPRESSION_LENGTH, length=length)])
    if too_deep(text, MAX_DEPTH - depth) is not None:
        raise DescriptionError([TOO_DEEP.at(whole, limit=MAX_DEPTH)])
    parsed = _parse(text, "expression")
    if isinstance(parsed, Failure):
        span = Span(source, offsets[parsed.start], offsets[parsed.end])
        raise DescriptionError([_unexpected(parsed, span, text, "the end of the string")])
    expression: Expression = build(parsed, source, offsets)
    return expression


def _parse(text: str, start: str = "start") -> Tree[Token] | Failure:
    try:
        return grammar().parse(text, start=start)
    except UnexpectedInput as error:
        return failure(error, text)


# Reporting


def _unexpected(wrong: Failure, span: Span, text: str, end: str, notes: Sequence[Note] = ()) -> Diagnostic:
    expected = "a kind of model" if wrong.accepted == {"NAME"} and wrong.is_first else DGAN.phrase(wrong.accepted)
    hint = dgan_hint(wrong, code_only(text[: wrong.start]))
    return UNEXPECTED.at(span, notes=notes, expected=expected, found=quoted(wrong.found, end), hint=hint)


def _syntax_errors(source: Source, text: str, first: Failure) -> list[Diagnostic]:
    """The first failure and those found after blanking out its line, and so on."""
    found: list[Diagnostic] = []
    wrong: Tree[Token] | Failure = first
    while isinstance(wrong, Failure):
        span = Span(source, wrong.start, wrong.end)
        found.append(_unexpected(wrong, span, text, "the end of the file", _unclosed(source, text, wrong)))
        if not wrong.found or len(found) == limits().problems:
            break
        start, end = _damaged(source, text, wrong)
        text = text[:start] + _blanked(text[start:end]) + text[end:]
        wrong = _parse(text)
        if isinstance(wrong, Failure) and not code_only(text)[end : wrong.start].strip():
            break  # directly after what was blanked out, which may be the cause
    return found


def _unclosed(source: Source, text: str, wrong: Failure) -> list[Note]:
    """A note about the bracket that is open, where its end may be what is missing."""
    opened = open_brackets(text[: wrong.start])
    offset = opened[-1] if opened else None
    if not wrong.found and offset is not None and text[offset] == "{":
        offset = unclosed_brace(text)
    if offset is None:
        return []
    bracket = Span(source, offset, offset + 1)
    if wrong.found and (bracket.text == "{" or _closing(text, offset) > offset):
        return []
    return [Note(f"this `{bracket.text}` is not closed", bracket)]


def _damaged(source: Source, text: str, wrong: Failure) -> tuple[int, int]:
    """The lines to blank out: that of the failure, with all lines of the parentheses that it stands in."""
    start, end = wrong.start, wrong.end
    outermost = _outermost_parenthesis(text, wrong.start)
    if outermost is not None:
        start, end = outermost, max(end, _closing(text, outermost))
    line_break = _LINE_BREAK.search(text, end)
    return source.line_start(source.line_number(start)), line_break.start() if line_break else len(text)


def _outermost_parenthesis(text: str, offset: int) -> int | None:
    """The first `(` that is open at an offset, inside the last brace that is."""
    outermost = None
    for opened in reversed(open_brackets(text[:offset])):
        if text[opened] != "(":
            break
        outermost = opened
    return outermost


def _closing(text: str, opened: int) -> int:
    """The offset after the parenthesis that closes the one at `opened`; `opened` if a brace comes first."""
    depth = 0
    for offset, bracket in brackets(text[opened:]):
        if bracket in "{}":
            break
        depth += 1 if bracket == "(" else -1
        if depth == 0:
            return opened + offset + 1
    return opened


def _blanked(lines: str) -> str:
    """The lines with spaces for all but line breaks and the braces that have no partner in them."""
    kept: list[int] = []
    for offset, bracket in brackets(lines):
        if bracket == "}" and kept and lines[kept[-1]] == "{":
            kept.pop()
        elif bracket in "{}":
            kept.append(offset)
    blank = list(_BLANKED.sub(" ", lines).replace("{", " ").replace("}", " "))
    for offset in kept:
        blank[offset] = lines[offset]
    return "".join(blank)
