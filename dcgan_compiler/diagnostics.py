"""What can be wrong with a description, as data; and how a problem is shown.

A pass that meets a problem names a `Kind` and the values of its message; the words are all in this file, the catalogue
of kinds is in `problems.py`. `render` draws a diagnostic for a terminal: place, source line, caret, arithmetic, advice.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from string import Formatter
from typing import Any

from dcgan_compiler.limits import limits
from dcgan_compiler.source import Span

ERROR, WARNING = "error", "warning"
MAX_CANDIDATES = 200
_EXCERPT_WIDTH = 100


@dataclass(frozen=True)
class Kind:
    """One kind of problem: a code that never changes, and its wording.

    `message` and `help` are format strings over the values of a diagnostic. The help is left out when one of the values
    it names is None, so that a suggestion is shown only where there is one.
    """

    code: str
    severity: str
    message: str
    help: str | None = None

    def at(self, span: Span | None, *, notes: Sequence[Note] = (), **values: Any) -> Diagnostic:
        """This problem at a place."""
        return Diagnostic(self, span, values, tuple(notes))

    def error(self, span: Span | None = None, *, notes: Sequence[Note] = (), **values: Any) -> Problem:
        """This problem as an exception; without a span, whoever knows the place adds it."""
        return Problem(self.at(span, notes=notes, **values))


@dataclass(frozen=True)
class Note:
    """A further remark under a diagnostic, with a second place where there is one."""

    text: str
    span: Span | None = None


@dataclass(frozen=True)
class Diagnostic:
    """One problem at one place (or at none, for a problem with a whole file)."""

    kind: Kind
    span: Span | None
    values: dict[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether the description is refused for this."""
        return self.kind.severity == ERROR

    @property
    def message(self) -> str:
        """What is wrong, in one sentence."""
        return printable(self.kind.message.format(**self.values))

    @property
    def help(self) -> str | None:
        """What to do about it, if anything is known."""
        template = self.kind.help
        if template is None:
            return None
        names = [name for _, name, _, _ in Formatter().parse(template) if name]
        if any(self.values.get(name) is None for name in names):
            return None
        return printable(template.format(**self.values))

    def to_dict(self) -> dict[str, Any]:
        """The diagnostic as JSON values; lines and columns count from 1."""
        place = self.span and {
            "file": self.span.source.name,
            "line": self.span.line,
            "column": self.span.column,
            "end_offset": self.span.end,
            "offset": self.span.start,
        }
        return {
            "code": self.kind.code,
            "severity": self.kind.severity,
            "message": self.message,
            "place": place,
            "notes": [note.text for note in self.notes],
            "help": self.help,
        }


class Problem(Exception):
    """A diagnostic on its way to whoever collects them."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic

    def located(self, span: Span) -> Diagnostic:
        """The diagnostic, at `span` unless it already has a place."""
        known = self.diagnostic
        return known if known.span else Diagnostic(known.kind, span, known.values, known.notes)


class DescriptionError(Exception):
    """Raised by the public functions for a description with errors; `diagnostics` holds all that was found."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        super().__init__(render_all(diagnostics))
        self.diagnostics = tuple(diagnostics)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be, or None; of very many, only the first are looked at.

    Capitals do not count: `True` is `true`.
    """
    return _closest(word[:80], tuple(sorted(known)[:MAX_CANDIDATES]))


@lru_cache(maxsize=256)
def _closest(word: str, known: tuple[str, ...]) -> str | None:
    spelled = {one.lower(): one for one in known}
    near = difflib.get_close_matches(word.lower(), spelled, n=1, cutoff=0.6)
    near = near or [one for one in spelled if word.lower() in one.split("_")]  # `slope` of `negative_slope`
    return spelled[near[0]] if len(near) == 1 else None


def in_source_order(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Errors and warnings by place, each once: as it was first found."""
    unique: dict[Any, Diagnostic] = {}
    for d in diagnostics:
        unique.setdefault((d.kind.code, d.span, d.message), d)
    return sorted(unique.values(), key=lambda d: (d.span.start if d.span else -1, d.kind.code))


# Drawing


def render_all(diagnostics: Sequence[Diagnostic]) -> str:
    """Diagnostics under each other, as many as may be shown, and a closing count."""
    shown = [render(diagnostic) for diagnostic in diagnostics[: limits().problems]]
    errors = sum(diagnostic.is_error for diagnostic in diagnostics)
    warnings = len(diagnostics) - errors
    counts = [_plural(n, word) for n, word in ((errors, "error"), (warnings, "warning")) if n]
    hidden = len(diagnostics) - len(shown)
    rest = f"; the last {hidden} not shown (`--limit problems=N` shows more)" if hidden else ""
    return "\n\n".join([*shown, " and ".join(counts) + rest]) if counts else ""


def render(diagnostic: Diagnostic) -> str:
    """One diagnostic as plain text, without a final line break."""
    lines = [f"{diagnostic.kind.severity}[{diagnostic.kind.code}]: {diagnostic.message}"]
    span = diagnostic.span
    margin = " " * len(str(span.line)) if span else ""
    if span:
        lines += _excerpt(span, margin)
    for note in diagnostic.notes:
        lines.append(f"{margin} = note: {printable(note.text)}")
        if note.span:
            lines += _excerpt(note.span, margin)
    if diagnostic.help:
        lines.append(f"{margin} = help: {diagnostic.help}")
    return "\n".join(lines)


def _excerpt(span: Span, margin: str) -> list[str]:
    """The line of a span with the span underlined; a long line is shown around the caret only."""
    line = span.source.line_text(span.line)
    start = span.column - 1
    stop = min(start + max(1, span.end - span.start), max(len(line), start + 1))
    window = max(0, start - _EXCERPT_WIDTH // 2) if len(line) > _EXCERPT_WIDTH else 0
    before, marked = line[window:start], line[start : min(stop, window + _EXCERPT_WIDTH)]
    after = line[start + len(marked) : window + _EXCERPT_WIDTH]
    number = str(span.line).rjust(len(margin))
    ellipsis = ("..." if window else "", "..." if window + _EXCERPT_WIDTH < len(line) else "")
    text = ellipsis[0] + "".join(map(_visible, (before, marked, after))) + ellipsis[1]
    indent = " " * _columns(ellipsis[0] + _visible(before))
    return [
        f"{margin}--> {printable(span.source.name)}:{span.line}:{span.column}",
        f"{margin} |",
        f"{number} | {text}".rstrip(),
        f"{margin} | {indent}{'^' * max(1, _columns(_visible(marked)))}",
    ]


def _visible(text: str) -> str:
    return printable(text.replace("\t", "    "))


def printable(text: str) -> str:
    """Text that is safe to show: control, bidi and unpaired surrogate characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in hidden else char for char in text
    )


def _columns(text: str) -> int:
    """The terminal columns that a text takes: two for a wide character, none for a combining one."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
