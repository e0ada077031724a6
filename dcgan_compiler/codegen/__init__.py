"""The typed model to Python source: `plan` decides, `render` lays out, `format` formats."""

from __future__ import annotations

from dcgan_compiler.codegen.format import formatted
from dcgan_compiler.codegen.plan import plan
from dcgan_compiler.codegen.render import render
from dcgan_compiler.ir import Model


def generate(model: Model) -> str:
    """The source of the generated file, formatted; the same bytes for the same model on every machine."""
    return render("model.py.j2", plan(model))


def generate_script(model: Model, module: str, name: str) -> str:
    """The source of the training script `name` that imports the generated classes from `module`, formatted."""
    from dcgan_compiler.codegen.script import script  # which a compilation without one need not load

    return formatted(script(model, module, name))
