"""The arguments and options that commands share, and what their values may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_OVERRIDE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_SHAPE = re.compile(r"[0-9]{1,18}(?:[x,][0-9]{1,18})*")
_WORDS = {"true": True, "false": False}


class Override(click.ParamType[tuple[str, "int | float | bool"]]):
    """`name=value`, a value for a param of the description."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int | float | bool]:
        """The name and the number or boolean."""
        match = _OVERRIDE.fullmatch(value)
        if match is None:
            self.fail(f"{value!r} does not have the form name=value.", param, ctx)
        name, number = match[1], _number(match[2].strip())
        if number is None:
            self.fail(f"{match[2]!r} is not a number, true or false.", param, ctx)
        return name, number


def _number(word: str) -> int | float | bool | None:
    if word in _WORDS:
        return _WORDS[word]
    if _INTEGER.fullmatch(word):
        return int(word)
    try:
        number = float(word)
    except ValueError:
        return None
    return number if isfinite(number) else None


class InputShape(click.ParamType[tuple[int, ...]]):
    """`3,64,64` or `3x64x64`."""

    name = "C,H,W"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The shape, without the batch."""
        text = re.sub(r"[\s()]", "", value)
        if _SHAPE.fullmatch(text) is None:
            self.fail(f"{value!r} is not a shape such as 3,64,64.", param, ctx)
        return tuple(map(int, re.split("[x,]", text)))


class WarningCode(click.ParamType[str]):
    """The code of a warning, such as `DG901`."""

    name = "CODE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The code, in capitals."""
        from dcgan_compiler.diagnostics import WARNING

        code: str = value.upper()
        severity = _severities().get(code)
        if severity is None:
            self.fail(f"there is no warning {value!r}.", param, ctx)
        if severity != WARNING:
            self.fail(f"{code} is an error; only warnings can be ignored.", param, ctx)
        return code

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        """The codes that begin like this."""
        from dcgan_compiler.diagnostics import WARNING

        warnings = [code for code, severity in _severities().items() if severity == WARNING]
        return completions(warnings, incomplete)


def _severities() -> dict[str, str]:
    """The severity of every code of the catalogue."""
    from dcgan_compiler import problems
    from dcgan_compiler.diagnostics import Kind

    return {kind.code: kind.severity for kind in vars(problems).values() if isinstance(kind, Kind)}


def completions(words: Iterable[str], incomplete: str) -> list[click.shell_completion.CompletionItem]:
    """The words that begin like what has been typed, as a shell wants them."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in words if word.startswith(incomplete)]


# Shared by several commands

_NET = click.Path(exists=True, dir_okay=False, allow_dash=True)

net = click.argument("net", type=_NET)
nets = click.argument("nets", type=_NET, nargs=-1, required=True, metavar="NET...")
force = click.option("--force", is_flag=True, help="Overwrite a file that was edited or comes from elsewhere.")
json_or_text = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="The form of the report.",
)
ignore = click.option(
    "--ignore", "ignored", type=WarningCode(), multiple=True, help="A warning not to show; may be repeated."
)


def output_file(help: str) -> Callable[[F], F]:
    """`-o FILE`."""
    return click.option("-o", "--output", type=click.Path(dir_okay=False, allow_dash=True), metavar="FILE", help=help)


def overrides(command: F) -> F:
    """`-D NAME=VALUE` and `--input C,H,W`, which change a description without editing it."""
    define = click.option(
        "-D", "--define", "overrides", type=Override(), multiple=True, help="A value for a param; may be repeated."
    )
    shape = click.option(
        "--input", "input_shape", type=InputShape(), help="Another input shape, without the batch: 3,64,64."
    )
    return define(shape(command))
