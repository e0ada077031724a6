"""Standard output, standard error and the exit status: how every command reads, prints and ends."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dcgan_compiler.diagnostics import Diagnostic

OK, PROBLEMS, USAGE, INTERNAL, INTERRUPTED = 0, 1, 2, 70, 130
STDIN = "-"

_SEVERITY = re.compile(r"^(?:(error)|warning)(?:\[DG\d+\])?:", re.MULTILINE)
_CARETS = re.compile(r"(?<=^) +\|( +\^+)$", re.MULTILINE)


class Failure(click.ClickException):
    """Ends the program with status 1 and a message. `extra` is shown below it as it is."""

    exit_code = PROBLEMS

    def __init__(self, message: str, help: str | None = None, extra: str | None = None) -> None:
        super().__init__(message)
        self.help = help
        self.extra = extra

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message in the form of a diagnostic."""
        advice = f"\n = help: {self.help}" if self.help else ""
        complain(f"error: {self.message}{advice}")
        if self.extra:
            complain(self.extra.rstrip("\n"))


class Program(click.Group):
    """The group of all commands: it turns what a command returns or raises into the exit status.

    A command returns its status, or None for success. It may raise `DescriptionError` for what is wrong in its input,
    `Failure`, and click's own exceptions. Anything else is a bug, and reported as one.
    """

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the program and exit."""
        if not standalone_mode:
            return super().main(*args, standalone_mode=False, **extra)
        sys.exit(self._status(*args, **extra))

    def _status(self, *args: Any, **extra: Any) -> int:
        try:
            return super().main(*args, standalone_mode=False, **extra) or OK
        except click.ClickException as error:
            error.show()
            return error.exit_code
        except click.Abort:
            return INTERRUPTED
        except OSError as error:
            _abandon_output()
            complain(f"error: {(error.strerror or str(error)).lower()}")
            return PROBLEMS
        except Exception as error:
            return _explain(error)


def _explain(error: Exception) -> int:
    from dcgan_compiler.diagnostics import DescriptionError

    if isinstance(error, DescriptionError):
        show_diagnostics(error.diagnostics)
        return PROBLEMS
    if os.environ.get("DCGANC_DEBUG"):
        raise error
    complain(
        f"error: this is a bug in dcganc: {type(error).__name__}: {error}; please report it\n"
        " = help: set DCGANC_DEBUG=1 to see where it happened"
    )
    return INTERNAL


def _abandon_output() -> None:
    """Send nowhere what could not be written, or Python tries once more at its exit and fails in its own words."""
    with suppress(OSError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


# Streams


def read_input() -> bytes:
    """All of standard input."""
    if sys.stdin is None:
        raise Failure("can not read standard input: it is closed")
    return click.get_binary_stream("stdin").read()


def emit(text: str) -> None:
    """Print what was asked for, in UTF-8 whatever the locale, without adding a line break."""
    if sys.stdout is None:
        raise Failure("can not write to standard output: it is closed")
    click.echo(text.encode("utf-8", "backslashreplace"), nl=False)


def complain(text: str) -> None:
    """Print a remark or a problem on standard error, in colour on a terminal; where nobody can read it, do not."""
    with suppress(OSError):
        click.echo(_coloured(text) if _takes_colour() else text, err=True)


def show_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """Print problems on standard error, the errors first, since a long list is cut short."""
    from dcgan_compiler.diagnostics import render_all

    if diagnostics:
        complain(render_all(sorted(diagnostics, key=lambda diagnostic: not diagnostic.is_error)))


def _takes_colour() -> bool:
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stderr is not None and sys.stderr.isatty()


def _coloured(text: str) -> str:
    """Rendered diagnostics with their severity and carets set off."""

    def severity(match: re.Match[str]) -> str:
        return click.style(match.group(), fg="red" if match[1] else "yellow", bold=True)

    def carets(match: re.Match[str]) -> str:
        return match.group().replace(match[1], click.style(match[1], bold=True))

    return _CARETS.sub(carets, _SEVERITY.sub(severity, text))
