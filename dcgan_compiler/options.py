"""The arguments and options that commands share, and what their values may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dcgan_compiler.console import STDIN
from dcgan_compiler.limits import NAMES, limited

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

Number = int | float | bool
Overrides = Sequence[tuple[str, Number]]
Shape = tuple[int, ...]
F = TypeVar("F", bound=Callable[..., Any])

_OVERRIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_SHAPE = re.compile(r"[0-9]{1,18}(?:[x,][0-9]{1,18})*")
_WORDS = {"true": True, "false": False}


def override(text: str) -> tuple[str, Number]:
    """`width=32` as a name and a number or boolean."""
    match = _OVERRIDE.fullmatch(text)
    if match is None:
        raise click.BadParameter(f"{text!r} does not have the form NAME=VALUE.")
    number = _number(match[2].strip())
    if number is None:
        raise click.BadParameter(f"{match[2]!r} is not a number, true or false.")
    return match[1], number


def _number(word: str) -> Number | None:
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(word):
        return int(word)
    try:
        number = float(word)
    except ValueError:
        return None
    return number if isfinite(number) else None


def shape(text: str) -> Shape:
    """`3,64,64`, `3x64x64` or `(3, 64, 64)` as a shape."""
    bare = re.sub(r"[\s()]", "", text)
    if _SHAPE.fullmatch(bare) is None:
        raise click.BadParameter(f"{text!r} is not a shape such as 3,64,64.")
    return tuple(map(int, re.split("[x,]", bare)))


def warning_code(text: str) -> str:
    """The code of a warning, in capitals."""
    from dcgan_compiler.diagnostics import WARNING

    code = text.upper()
    severity = _severities().get(code)
    if severity is None:
        raise click.BadParameter(f"there is no warning {text!r}.")
    if severity != WARNING:
        raise click.BadParameter(f"{code} is an error; only warnings can be ignored.")
    return code


def _severities() -> dict[str, str]:
    """The severity of every code of the catalogue."""
    from dcgan_compiler import problems
    from dcgan_compiler.diagnostics import Kind

    return {kind.code: kind.severity for kind in vars(problems).values() if isinstance(kind, Kind)}


def completions(words: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """The words that begin like what has been typed, as a shell wants them."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


def _complete_warning(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from dcgan_compiler.diagnostics import WARNING

    return completions([code for code, severity in _severities().items() if severity == WARNING], incomplete)


def _at_most_one_stdin(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    if value.count(STDIN) > 1:
        raise click.BadParameter("standard input can be read only once.", context, parameter)
    return value


def limit(text: str) -> tuple[str, int]:
    """`layers=50000` as the name of a limit and a whole number."""
    name, _, number = text.partition("=")
    if name not in NAMES:
        raise click.BadParameter(f"{text!r} names no limit; the limits are {', '.join(NAMES)}.")
    if _INTEGER.fullmatch(number) is None or int(number) < 1:
        raise click.BadParameter(f"{number!r} is no whole number of at least 1.")
    return name, int(number)


def _set_limits(context: click.Context, parameter: click.Parameter, value: tuple[tuple[str, int], ...]) -> None:
    """Let the limits hold until the command has ended."""
    context.with_resource(limited(**dict(value)))


def _complete_limit(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return completions([f"{name}=" for name in NAMES], incomplete)


# The decorators

_NET = click.Path(exists=True, dir_okay=False, allow_dash=True)

net = click.argument("net", type=_NET)
nets = click.argument("nets", type=_NET, nargs=-1, required=True, metavar="NET...", callback=_at_most_one_stdin)
force = click.option("--force", is_flag=True, help="Overwrite an existing file, even an edited one.")
form = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The form of the report.",
)
ignore = click.option(
    "--ignore",
    "ignored",
    type=warning_code,
    multiple=True,
    metavar="CODE",
    shell_complete=_complete_warning,
    help="A warning not to show; may be repeated.",
)

limits = click.option(
    "--limit",
    type=limit,
    multiple=True,
    metavar="NAME=N",
    expose_value=False,
    is_eager=True,
    callback=_set_limits,
    shell_complete=_complete_limit,
    help=f"Another limit, for {', '.join(NAMES)}; may be repeated.",
)


def output_file(help: str) -> Callable[[F], F]:
    """`-o FILE`."""
    return click.option("-o", "--output", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE", help=help)


def overrides(command: F) -> F:
    """`-D NAME=VALUE`, `--input C,H,W` and `--limit NAME=N`, which change how a description is taken."""
    define = click.option(
        "-D",
        "--define",
        "overrides",
        type=override,
        multiple=True,
        metavar="NAME=VALUE",
        help="A value for a param; may be repeated.",
    )
    input_shape = click.option(
        "--input", "input_shape", type=shape, metavar="C,H,W", help="Another input shape, without the batch."
    )
    return define(input_shape(limits(command)))
