"""The commands that show how the halves of a model belong together: `explain` and `graph`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from dcgan_compiler import options
from dcgan_compiler.console import emit, write
from dcgan_compiler.options import Overrides, Shape

_FORMATS = ("svg", "mermaid", "dot")


@click.command(short_help="Say what mirrors what, and why.")
@options.net
@options.overrides
def explain(net: str, overrides: Overrides, input_shape: Shape | None) -> None:
    """Say for every line of NET what its mirror is, and why: the law, the option, the arithmetic of the size.

    \b
      dcganc explain net.dgan
      dcganc explain net.dgan --input 3,65,97
    """
    from dcgan_compiler.descriptions import compiled
    from dcgan_compiler.report.explain import explain

    emit(explain(compiled(net, overrides, input_shape, generate=False).model))


@click.command(short_help="Draw both halves.")
@options.net
@options.overrides
@options.output_file("Draw into this file instead of to standard output.")
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="The format of the picture; by default that of the file's extension, svg without one.",
)
@options.force
def graph(
    net: str, overrides: Overrides, input_shape: Shape | None, output: str | None, form: str | None, force: bool
) -> None:
    """Draw both halves of NET facing each other, each line beside the one that undoes it.

    Extensions are .svg, .mmd and .mermaid, .dot and .gv. A picture that was drawn before is replaced, any other file is
    kept unless --force is given.

    \b
      dcganc graph net.dgan -o net.svg
      dcganc graph net.dgan --format mermaid
      dcganc graph net.dgan --format dot | dot -Tpdf -o net.pdf
    """
    from dcgan_compiler.descriptions import compiled
    from dcgan_compiler.report.graph import graph

    form = form or _format_of(Path(output or "").suffix)
    drawn = graph(compiled(net, overrides, input_shape, generate=False).model, form)
    write(output, drawn, force=force or _is_drawn(output), inputs=[net])


def _format_of(suffix: str) -> str:
    """The format of a file with an extension, svg where there is none; another extension would promise what it is not.

    Raises click's `UsageError` for an extension that is not known.
    """
    from dcgan_compiler.report.graph import SUFFIXES, format_of

    form = format_of(suffix) if suffix else "svg"
    if form is None:
        raise click.UsageError(f"{suffix!r} is no format of pictures: use {', '.join(SUFFIXES)}, or --format.")
    return form


def _is_drawn(output: str | None) -> bool:
    """Whether a file holds a picture that `graph` drew."""
    from dcgan_compiler.report.graph import is_drawn

    with suppress(OSError, ValueError):
        return output is not None and Path(output).is_file() and is_drawn(Path(output).read_bytes())
    return False
