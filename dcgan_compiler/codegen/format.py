"""Formatting with black, in one fixed mode, whatever the reader's own configuration says.

Black formats a text that it changes twice. Most of what it would change here are long calls, so these are laid out
first, which saves black its second pass; what is not laid out as black would do it, black puts right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_WIDTH = 88
_STATEMENT = re.compile(r" *(?:self\.\w+ = \w|def __init__\()")
_COMMENT = re.compile(r"  #[^\n]*(?=\n)")


def formatted(code: str) -> str:
    """Python source in black's style."""
    from black import Mode, format_str

    return format_str(laid_out(code), mode=Mode(line_length=_WIDTH))


def laid_out(code: str) -> str:
    """The source with the calls that do not fit on a line, or end in a comma, spread over several."""
    lines: list[str] = []
    rest = iter(code.splitlines())
    for line in rest:
        if _STATEMENT.match(line):
            while line.count("(") > line.count(")"):
                line += f"\n{next(rest)}"
            lines += _statement(line)
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def _statement(text: str) -> list[str]:
    """The lines of one statement; a comment may stand after its first bracket, or at the end of its only line."""
    if "\n" not in text and "  #" in text:
        return [text]
    comment = _COMMENT.search(text)
    code = " ".join(_COMMENT.sub("", text).split())
    first, *more = _spread(code, len(text) - len(text.lstrip()), "")
    return [first + (comment.group() if comment else ""), *more]


def _spread(code: str, indent: int, end: str) -> Iterator[str]:
    """One line if it fits; otherwise the arguments on a line of their own, or each on one. Comprehensions stay."""
    margin, inner = " " * indent, " " * (indent + 4)
    line = f"{margin}{code}{end}"
    opened = code.find("(")
    ends_in_comma = ",)" in code
    if opened < 0 or code.startswith("*(") or (len(line) <= _WIDTH and not ends_in_comma):
        yield line
        return
    arguments, closed = _arguments(code, opened)
    yield f"{margin}{code[: opened + 1]}"
    together = f"{inner}{', '.join(arguments)}"
    if len(together) <= _WIDTH and not ends_in_comma:
        yield together
    elif len(arguments) == 1 and code[closed - 1] != ",":
        yield from _spread(arguments[0], indent + 4, "")
    else:
        for argument in arguments:
            yield from _spread(argument, indent + 4, ",")
    yield f"{margin}{code[closed:]}{end}"


def _arguments(code: str, opened: int) -> tuple[list[str], int]:
    """What stands between the bracket at `opened` and its partner, cut at the commas; and where the partner is."""
    found: list[str] = []
    depth, start = 0, opened + 1
    for place in range(opened, len(code)):
        depth += {"(": 1, ")": -1}.get(code[place], 0)
        if depth == 0 or (depth == 1 and code[place] == ","):
            found.append(code[start:place].strip())
            start = place + 1
        if depth == 0:
            return [argument for argument in found if argument], place
    return found, len(code)
