"""The commands for whoever writes a description: `new`, `fmt`, `convert` and `layers`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcgan_compiler import options
from dcgan_compiler.console import OK, PROBLEMS, STDIN, Failure, complain, emit, write

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def _complete_preset(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from dcgan_compiler.descriptions import presets

    return options.completions(presets(), incomplete)


@click.command(short_help="Start from an example.")
@click.argument("preset", required=False, shell_complete=_complete_preset)
@options.output_file("Write to this file instead of to standard output.")
@click.option("--list", "only_list", is_flag=True, help="List the examples and exit.")
@options.force
def new(preset: str | None, output: str | None, only_list: bool, force: bool) -> None:
    """Start a description from an example that comes with dcganc.

    \b
      dcganc new --list
      dcganc new dcgan64 -o net.dgan
    """
    from dcgan_compiler.descriptions import preset_summary, presets
    from dcgan_compiler.diagnostics import closest

    known = presets()
    if only_list:
        width = max(map(len, known), default=0)
        emit("".join(f"{name:{width}}  {preset_summary(path)}\n" for name, path in known.items()))
        return
    if preset is None:
        raise click.UsageError("Missing argument 'PRESET'; `dcganc new --list` shows all.")
    if preset not in known:
        raise _unknown("example", preset, closest(preset, known), "dcganc new --list")
    _write_new(output, known[preset].read_text(encoding="utf-8"), force=force, inputs=[])


def _write_new(output: str | None, text: str, *, force: bool, inputs: Sequence[str]) -> None:
    """Write a description; in contrast to code, it never replaces a file unasked."""
    if output and Path(output).is_file() and not force:
        raise Failure(f"`{output}` exists", "choose another name, or overwrite it with `--force`")
    write(output, text, force=force, inputs=inputs)


def _unknown(what: str, name: str, near: str | None, listing: str) -> click.UsageError:
    hint = f"did you mean {near}?" if near else f"`{listing}` shows all."
    return click.UsageError(f"There is no {what} {name!r}; {hint}")


@click.command("fmt", short_help="Lay out descriptions anew.")
@options.nets
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit with status 1 if anything would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; print what would change.")
@options.limits
def format_(nets: tuple[str, ...], only_check: bool, show_diff: bool) -> int:
    """Lay out each NET anew, in place, keeping its comments; standard input goes to standard output.

    If any NET can not be read, none is changed.

    \b
      dcganc fmt nets/*.dgan
      dcganc fmt --check --diff net.dgan
    """
    from dcgan_compiler.descriptions import laid_out, read_trees
    from dcgan_compiler.output import unified

    changed = 0
    for net, syntax in zip(nets, read_trees(nets), strict=True):
        old, new = syntax.span.source.text, laid_out(syntax)
        if net == STDIN and not (only_check or show_diff):
            emit(new)
            continue
        if old == new:
            continue
        changed += 1
        if show_diff:
            emit(unified(old, new, net, f"{net} (formatted)"))
        elif only_check:
            complain(f"{net}: not formatted")
        else:
            write(net, new, force=True)
            complain(f"{net}: formatted")
    return PROBLEMS if only_check and changed else OK


@click.command(short_help="Convert between text and JSON.")
@options.net
@click.option("--to", "to_form", type=click.Choice(["dgan", "json"]), required=True, help="The form to convert to.")
@options.output_file("Write to this file instead of to standard output.")
@options.force
@options.limits
def convert(net: str, to_form: str, output: str | None, force: bool) -> None:
    """Convert NET between text and JSON. Both say the same; JSON has no comments.

    \b
      dcganc convert net.dgan --to json -o net.json
      dcganc convert net.json --to dgan
    """
    from dcgan_compiler.descriptions import read_trees
    from dcgan_compiler.syntax import json_form, printer

    (syntax,) = read_trees([net])
    text = json_form.write(syntax) if to_form == "json" else printer.print_model(syntax)
    if to_form == "json" and syntax.comments:
        complain("warning: JSON has no comments; those of the description are left out")
    _write_new(output, text, force=force, inputs=[net])


def _complete_layer(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from dcgan_compiler.layers import VOCABULARY

    return options.completions(VOCABULARY, incomplete)


@click.command(short_help="List the layers of the language, or describe one.")
@click.argument("name", required=False, shell_complete=_complete_layer)
def layers(name: str | None) -> None:
    """List the layers of the language, or describe one: arguments, shape rule, mirror rule.

    \b
      dcganc layers
      dcganc layers conv
    """
    from dcgan_compiler.layers import VOCABULARY
    from dcgan_compiler.layers.spelling import meant
    from dcgan_compiler.report.vocabulary import describe_layer, list_layers

    if name is not None and name not in VOCABULARY:
        raise _unknown("layer", name, meant(name, VOCABULARY), "dcganc layers")
    emit(list_layers() if name is None else describe_layer(VOCABULARY[name]))
