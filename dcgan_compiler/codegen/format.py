"""Black's style, in one fixed mode, whatever the reader's own configuration says."""

from __future__ import annotations

import re
import textwrap
from functools import lru_cache

LINE_LENGTH = 88
_ATTRIBUTE = re.compile(r"(?<=self\.)\w+(?= = )")


def formatted(code: str, line_length: int = LINE_LENGTH) -> str:
    """Python source in black's style."""
    from black import Mode, format_str

    return format_str(code, mode=Mode(line_length=line_length))


def fit(statement: str, indent: int) -> str:
    """A statement, or the head of one, at an indentation; black splits it where it does not fit on its lines.

    The statement is in black's style but for that. A network can have thousands of them, and black takes a millisecond
    for each; most fit as they are.
    """
    code = textwrap.dedent(statement)
    indent += len(statement) - len(statement.lstrip())
    if max(map(len, code.splitlines())) > LINE_LENGTH - indent:
        code = _split(code, LINE_LENGTH - indent)
    return textwrap.indent(code, indent * " ")


def _split(statement: str, line_length: int) -> str:
    """A statement in lines of at most a length.

    Only the length of an attribute's name matters here, and a network repeats its blocks under other names.
    """
    name = _ATTRIBUTE.search(statement)
    if name is None:
        return _by_black(statement, line_length)
    split = _by_black(_ATTRIBUTE.sub(len(name[0]) * "_", statement), line_length)
    return _ATTRIBUTE.sub(name[0], split)


@lru_cache(maxsize=1024)
def _by_black(statement: str, line_length: int) -> str:
    body = "\n    pass\n" if statement.endswith(":") else "\n"
    return formatted(statement + body, line_length).removesuffix(body)
