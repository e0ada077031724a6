"""The commands. What a command needs is imported in it, so that `--help` and completion do not wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dcgan_compiler import __version__, options, scripts, views
from dcgan_compiler.console import OK, PROBLEMS, STDIN, Failure, Program, complain, emit, to_json, write
from dcgan_compiler.options import Overrides, Shape

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Compile the description of a discriminator or encoder to PyTorch, and its exact mirror with it.

    \b
      dcganc new dcgan64 -o net.dgan        start from an example
      dcganc show net.dgan                  look at both halves
      dcganc compile net.dgan -o model.py   write the code

    NET is a description in text or JSON; - stands for standard input. The exit status is 0 for success, 1 for problems
    in the input, 2 for wrong usage and 70 for a bug in dcganc.

    \b
    Completion in bash, and likewise in zsh and fish:
      eval "$(_DCGANC_COMPLETE=bash_source dcganc)"
    """


# Starting


def _complete_preset(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from dcgan_compiler.descriptions import presets

    return options.completions(presets(), incomplete)


@main.command(short_help="Start from an example.")
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


# From a description to code


@main.command("compile", short_help="Write the code of both halves.")
@options.nets
@options.output_file("Write the code of the one NET to this file.")
@click.option(
    "-d",
    "--directory",
    type=click.Path(exists=True, file_okay=False),
    help="Write the code of each NET there, under its name.",
)
@scripts.script_file
@options.overrides
@options.force
@options.ignore
@options.form
@click.option("-q", "--quiet", is_flag=True, help="Do not say what was written.")
def compile_(
    nets: tuple[str, ...],
    output: str | None,
    directory: str | None,
    script: str | None,
    overrides: Overrides,
    input_shape: Shape | None,
    force: bool,
    ignored: tuple[str, ...],
    form: str,
    quiet: bool,
) -> int:
    """Write the PyTorch code of both halves: to standard output, to a file, or to a directory.

    If any NET has an error, nothing is written. A file that was edited since, or that does not come from dcganc, is
    kept unless --force is given. Problems are reported on standard error.

    \b
      dcganc compile net.dgan -o model.py
      dcganc compile net.dgan -D width=32 --input 1,64,64 -o small.py
      dcganc compile nets/*.dgan -d models
      dcganc compile net.dgan -o model.py --train train.py
    """
    from dcgan_compiler.descriptions import compiled, report

    targets = _targets(nets, output, directory)
    module = scripts.module_for(script, output) if script else ""
    outcomes = [compiled(net, overrides, input_shape, ignored=ignored) for net in nets]
    complain(to_json([one.to_dict() for one in outcomes]) if form == "json" else report(outcomes))
    if not all(one.is_ok for one in outcomes):
        return PROBLEMS
    for target, outcome in zip(targets, outcomes, strict=True):
        write(target, outcome.code, force=force, inputs=nets)
        if target is not None and form == "text" and not quiet:
            complain(f"{target}: {outcome.sizes}")
    if script:
        write(script, outcomes[0].script(module, Path(script).name), force=force, inputs=nets)
        if form == "text" and not quiet:
            complain(f"{script}: trains them; `python {script} --help` shows its options")
    return OK


def _targets(nets: Sequence[str], output: str | None, directory: str | None) -> list[str | None]:
    """The file for the code of each description, None for standard output."""
    if directory is None:
        if len(nets) > 1:
            raise click.UsageError("The code of several descriptions needs a directory: -d DIRECTORY.")
        return [None if output == STDIN else output]
    if output is not None:
        raise click.UsageError("-o and -d exclude each other.")
    if STDIN in nets:
        raise click.UsageError("Standard input has no name for a file in a directory: use -o FILE.")
    targets = [str(Path(directory, f"{Path(net).stem}.py")) for net in nets]
    for target, net in zip(targets, nets, strict=True):
        first = nets[targets.index(target)]
        if first != net:
            raise click.UsageError(f"{first} and {net} would both be written to {target}.")
    return [*targets]


@main.command(short_help="Report errors and warnings.")
@options.nets
@options.overrides
@click.option("--against", type=click.Path(exists=True, dir_okay=False), help="A file to compare with the code.")
@options.ignore
@options.form
def check(
    nets: tuple[str, ...],
    overrides: Overrides,
    input_shape: Shape | None,
    against: str | None,
    ignored: tuple[str, ...],
    form: str,
) -> int:
    """Report all errors and warnings of each NET, without writing anything.

    With --against, also compare a generated file with what would be generated now, and show how they differ.

    \b
      dcganc check nets/*.dgan
      dcganc check net.dgan --against model.py
    """
    from dcgan_compiler.descriptions import compiled, report

    if against and len(nets) > 1:
        raise click.UsageError("--against compares one description with its code.")
    outcomes = [compiled(net, overrides, input_shape, ignored=ignored, generate=bool(against)) for net in nets]
    if against:
        outcomes = [outcomes[0].against(Path(against))]
    if form == "json":
        emit(to_json([one.to_dict() for one in outcomes]) + "\n")
    else:
        complain(report(outcomes))
        emit("".join(f"{one.net}: ok\n" if one.is_ok else one.diff for one in outcomes))
    if form == "text" and outcomes[0].diff:
        complain(f"error: `{against}` is out of date\n = help: `dcganc compile {nets[0]} -o {against}` writes it anew")
    return OK if all(one.is_ok for one in outcomes) else PROBLEMS


@main.command(short_help="Show both halves, their shapes and sizes.")
@options.net
@options.overrides
@options.form
def show(net: str, overrides: Overrides, input_shape: Shape | None, form: str) -> None:
    """Show both halves of NET side by side: blocks, shapes, parameters, and what mirrors what.

    MACs are the multiply-adds of one forward pass of one sample. On a narrow terminal one half stands below the other.

    \b
      dcganc show net.dgan
      dcganc show net.dgan --input 3,128,128 --format json
    """
    from dcgan_compiler.descriptions import compiled
    from dcgan_compiler.report.summary import summarise

    summary = summarise(compiled(net, overrides, input_shape, generate=False).model)
    if form == "json":
        emit(to_json(summary.to_dict()) + "\n")
        return
    from dcgan_compiler.report.table import draw

    emit(draw(summary))


main.add_command(views.explain)
main.add_command(views.graph)
main.add_command(scripts.train)


@main.command(short_help="Run the code and check what it does.")
@options.net
@options.overrides
@click.option("--backend", default="eager", show_default=True, help="The backend that torch.compile is tried with.")
def verify(net: str, overrides: Overrides, input_shape: Shape | None, backend: str) -> int:
    """Run the code of NET and compare it with what was inferred, check by check. Needs torch.

    \b
      dcganc verify net.dgan
      dcganc verify net.dgan --backend inductor
    """
    from dcgan_compiler.descriptions import compiled
    from dcgan_compiler.verify import FAILED, LONGEST_NAME, verify as verify_code

    outcome = compiled(net, overrides, input_shape)
    failures = 0
    try:
        for question in verify_code(outcome.model, outcome.code, backend):
            emit(f"{question.name:{LONGEST_NAME}}  ")
            status, remark = question.run()
            emit(f"{status:6}  {remark}".rstrip() + "\n")
            failures += status == FAILED
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise click.UsageError(
            "verify runs the code, and torch is not installed: pip install 'dcganc[torch]'"
        ) from None
    return PROBLEMS if failures else OK


# Descriptions themselves


@main.command("fmt", short_help="Lay out descriptions anew.")
@options.nets
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit with status 1 if anything would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; print what would change.")
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


@main.command(short_help="Convert between text and JSON.")
@options.net
@click.option("--to", "to_form", type=click.Choice(["dgan", "json"]), required=True, help="The form to convert to.")
@options.output_file("Write to this file instead of to standard output.")
@options.force
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


@main.command(short_help="List the layers of the language, or describe one.")
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
