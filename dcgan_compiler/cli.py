"""The commands. What a command needs is imported in it, so that `--help` and completion do not wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from dcgan_compiler import __version__, authoring, options, scripts, views
from dcgan_compiler.console import OK, PROBLEMS, STDIN, Program, complain, emit, to_json, write
from dcgan_compiler.options import Overrides, Shape


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
def main() -> None:
    """Compile the description of a discriminator or encoder to PyTorch, and its exact mirror with it.

    \b
      dcganc new dcgan64 -o net.dgan        start from an example
      dcganc show net.dgan                  look at both halves
      dcganc compile net.dgan -o model.py   write the code
      dcganc train net.dgan --data photos/  train it

    NET is a description in text or JSON; - stands for standard input. The exit status is 0 for success, 1 for problems
    in the input, 2 for wrong usage and 70 for a bug in dcganc.

    \b
    Completion in bash, and likewise in zsh and fish:
      eval "$(_DCGANC_COMPLETE=bash_source dcganc)"
    """


# From a description to code


@click.command("compile", short_help="Write the code of both halves.")
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


@click.command(short_help="Report errors and warnings.")
@options.nets
@options.overrides
@click.option("--against", type=click.Path(exists=True, dir_okay=False), help="A file to compare with the code.")
@click.option(
    "--train",
    "script",
    type=click.Path(exists=True, dir_okay=False),
    help="A training script to compare, beside the file of --against.",
)
@options.ignore
@options.form
def check(
    nets: tuple[str, ...],
    overrides: Overrides,
    input_shape: Shape | None,
    against: str | None,
    script: str | None,
    ignored: tuple[str, ...],
    form: str,
) -> int:
    """Report all errors and warnings of each NET, without writing anything.

    With --against, also compare a generated file with what would be generated now, and show how they differ; with
    --train the training script, too.

    \b
      dcganc check nets/*.dgan
      dcganc check net.dgan --against model.py --train train.py
    """
    from dcgan_compiler.descriptions import compiled, report

    if against and len(nets) > 1:
        raise click.UsageError("--against compares one description with its code.")
    if script:
        scripts.module_for(script, against)
    outcomes = [compiled(net, overrides, input_shape, ignored=ignored, generate=bool(against)) for net in nets]
    if against:
        outcomes = [outcomes[0].against(Path(against), Path(script) if script else None)]
    if form == "json":
        emit(to_json([one.to_dict() for one in outcomes]) + "\n")
    else:
        complain(report(outcomes))
        emit("".join(f"{one.net}: ok\n" if one.is_ok else one.diff for one in outcomes))
    if form == "text" and outcomes[0].diff:
        files, command = (f"`{against}`", f"-o {against}")
        if script:
            files, command = f"{files} or `{script}`", f"{command} --train {script}"
        complain(f"error: {files} is out of date\n = help: `dcganc compile {nets[0]} {command}` writes it anew")
    return OK if all(one.is_ok for one in outcomes) else PROBLEMS


@click.command(short_help="Show both halves, their shapes and sizes.")
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


@click.command(short_help="Run the code and check what it does.")
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


for _command in (
    authoring.new,
    compile_,
    scripts.train,
    check,
    show,
    views.explain,
    views.graph,
    verify,
    authoring.format_,
    authoring.convert,
    authoring.layers,
):
    main.add_command(_command)
