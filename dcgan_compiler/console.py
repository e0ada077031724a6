"""Standard output, standard error and the exit status: how every command reads, prints and ends."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import click

OK, PROBLEMS, USAGE, INTERNAL, INTERRUPTED = 0, 1, 2, 70, 130
STDIN = "-"

_SEVERITY = re.compile(r"^(?:(error)|warning)(?:\[DG\d+\])?:", re.MULTILINE)
_CARETS = re.compile(r"^ +\|( +\^+)$", re.MULTILINE)


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

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which one needs them, not in that of the alphabet."""
        return list(self.commands)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the program and exit."""
        run = partial(super().main, args, prog_name, complete_var, standalone_mode=False, **extra)
        return sys.exit(_status(run)) if standalone_mode else run()


def _status(run: Callable[[], int | None]) -> int:
    """The exit status of a run, after the message about what ended it."""
    try:
        return run() or OK
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return INTERRUPTED
    except OSError as error:
        _abandon_output()
        complain(f"error: {_in_words(error)}")
        return PROBLEMS
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    from dcgan_compiler.diagnostics import DescriptionError

    if isinstance(error, DescriptionError):
        complain(str(error))
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


def _in_words(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


# Streams


def read_input(limit: int) -> bytes:
    """Standard input, up to a number of bytes."""
    if sys.stdin is None:
        raise Failure("can not read standard input: it is closed")
    return sys.stdin.buffer.read(limit)


def emit(text: str) -> None:
    """Print what was asked for, in UTF-8 whatever the locale, without adding a line break."""
    if sys.stdout is None:
        raise Failure("can not write to standard output: it is closed")
    try:
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)
    except BrokenPipeError:
        raise  # whoever read it has enough; click ends the program quietly
    except OSError as error:
        _abandon_output()
        raise Failure(f"can not write to standard output: {_in_words(error)}") from None


def to_json(value: Any) -> str:
    """A report for other programs."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def write(target: str | None, text: str, *, force: bool, inputs: Sequence[str] = ()) -> None:
    """Write to a file, or print where the target is none or `-`; raises `Failure` where the file must be kept."""
    if target is None or target == STDIN:
        emit(text)
        return
    from dcgan_compiler import output

    try:
        output.write(Path(target), text, force=force, inputs=[Path(name) for name in inputs if name != STDIN])
    except output.OutputError as refused:
        raise Failure(refused.message, refused.help, refused.diff) from None


def complain(text: str) -> None:
    """Print a remark or a problem on standard error, in colour on a terminal; where nobody can read it, do not."""
    if text:
        with suppress(OSError):
            click.echo(_coloured(text) if _takes_colour() else text, err=True)


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
