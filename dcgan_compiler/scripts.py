"""Training scripts: the option `--train` of `compile`, and the command `train`, which writes a script and runs it."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from dcgan_compiler import options
from dcgan_compiler.console import PROBLEMS, STDIN, complain, write
from dcgan_compiler.options import Overrides, Shape

_NEEDED = {"torch": "torch", "numpy": "numpy", "PIL": "pillow"}
_MODEL, _SCRIPT = "model.py", "train.py"

script_file = click.option(
    "--train",
    "script",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Also write a training script, which imports the code in the file of -o.",
)


def module_for(script: str, output: str | None) -> str:
    """The name of the module that a script imports the code of a model from; raises `UsageError`."""
    from dcgan_compiler.names import why_not_identifier

    if output is None or output == STDIN:
        raise click.UsageError("--train needs a file with the code: the script imports the classes from there.")
    model, written = Path(output), Path(script)
    if script == STDIN:
        raise click.UsageError("--train needs the name of a file: the script is started under it.")
    if model.resolve().parent != written.resolve().parent:
        raise click.UsageError(f"{script} imports from {output}: both belong into one folder.")
    if model.resolve() == written.resolve():
        raise click.UsageError(f"{script} can not hold both the code and the script.")
    module = model.stem
    if model.suffix != ".py" or why_not_identifier(module):
        raise click.UsageError(f"{model.name!r} can not be imported: a name such as model.py can.")
    for name in (module, written.stem):
        if name in _NEEDED or name in sys.stdlib_module_names:
            raise click.UsageError(f"{name}.py would hide a module of that name that the script imports.")
    return module


@click.command(
    short_help="Train what NET describes.",
    context_settings={"ignore_unknown_options": True},
)
@options.net
@click.option(
    "--data", required=True, help="What to train on: a folder of images, an .npy or .npz file, or module:factory."
)
@click.option(
    "--out", type=click.Path(file_okay=False), default="run", show_default=True, help="The folder of the run."
)
@options.overrides
@options.force
@click.argument("further", nargs=-1, type=click.UNPROCESSED, metavar="[OPTIONS OF THE SCRIPT]...")
def train(
    net: str,
    data: str,
    out: str,
    overrides: Overrides,
    input_shape: Shape | None,
    force: bool,
    further: tuple[str, ...],
) -> int:
    """Write model.py and train.py for NET into the folder of a run, and train there. Needs torch, numpy and pillow.

    What follows goes to the script, which `python run/train.py --help` describes. To train on several GPUs, write the
    script with `dcganc compile --train` and start it with torchrun.

    \b
      dcganc train net.dgan --data photos/ --out runs/first
      dcganc train net.dgan --data photos/ --out runs/first --steps 5000 --resume
    """
    from dcgan_compiler.descriptions import compiled, report

    missing = [package for module, package in _NEEDED.items() if find_spec(module) is None]
    if missing:
        raise click.UsageError(f"training needs {', '.join(missing)}: pip install 'dcganc[train]'")
    outcome = compiled(net, overrides, input_shape)
    complain(report([outcome]))
    if not outcome.is_ok:
        return PROBLEMS
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    model, script = folder / _MODEL, folder / _SCRIPT
    write(str(model), outcome.code, force=force, inputs=[net])
    write(str(script), outcome.script(model.stem, script.name), force=force, inputs=[net])
    complain(f"{model}: {outcome.sizes}")
    command = [sys.executable, str(script), "--data", data, "--out", out, *further]
    os.execv(sys.executable, command)  # the script takes this process over, and so its signals
