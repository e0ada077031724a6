"""dcganc: a compiler from the description of a discriminator to the PyTorch code of a whole GAN.

What is listed in `__all__` is the Python interface. A name is loaded when it is first used, so that importing the
package, which every start of the command line does, costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dcgan_compiler.compiler import (
        Compilation,
        analyse,
        compile_file,
        compile_source,
        compile_text,
        decode,
        load,
        parse,
    )
    from dcgan_compiler.diagnostics import DescriptionError, Diagnostic, Note
    from dcgan_compiler.ir import Gate, Layer, Model, Network, Parallel, Sequence, Shape
    from dcgan_compiler.limits import limited
    from dcgan_compiler.source import Source, Span

__version__ = "0.1.0"

__all__ = [
    "Compilation",
    "DescriptionError",
    "Diagnostic",
    "Gate",
    "Layer",
    "Model",
    "Network",
    "Note",
    "Parallel",
    "Sequence",
    "Shape",
    "Source",
    "Span",
    "analyse",
    "compile_file",
    "compile_source",
    "compile_text",
    "decode",
    "limited",
    "load",
    "parse",
]

_HOMES = {
    "compiler": ("Compilation", "analyse", "compile_file", "compile_source", "compile_text", "decode", "load", "parse"),
    "diagnostics": ("DescriptionError", "Diagnostic", "Note"),
    "ir": ("Gate", "Layer", "Model", "Network", "Parallel", "Sequence", "Shape"),
    "limits": ("limited",),
    "source": ("Source", "Span"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            value: object = getattr(import_module(f"{__name__}.{home}"), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
