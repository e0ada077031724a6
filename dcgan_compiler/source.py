"""Where a piece of a description came from: a `Source` is a named text, a `Span` a stretch of it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Source:
    """A text and the name that messages show for it."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_BREAK.finditer(self.text))]

    def line_number(self, offset: int) -> int:
        """The 1-based line of an offset into the text."""
        return bisect_right(self._line_starts, offset)

    def line_start(self, line: int) -> int:
        """The offset at which a 1-based line begins."""
        return self._line_starts[line - 1]

    def line_text(self, line: int) -> str:
        """A 1-based line without its line break."""
        start = self.line_start(line)
        end = self._line_starts[line] if line < len(self._line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


@dataclass(frozen=True)
class Span:
    """The characters `start` to `end` (exclusive) of a source."""

    source: Source = field(repr=False)
    start: int
    end: int

    @property
    def line(self) -> int:
        """The 1-based line of the first character."""
        return self.source.line_number(self.start)

    @property
    def last_line(self) -> int:
        """The 1-based line of the last character."""
        return self.source.line_number(max(self.start, self.end - 1))

    @property
    def column(self) -> int:
        """The 1-based column of the first character, counted in characters."""
        return self.start - self.source.line_start(self.line) + 1

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of another."""
        return Span(self.source, self.start, other.end)
