"""Warnings: what compiles, but is probably not what the author wants."""

from __future__ import annotations

from dcgan_compiler.diagnostics import Diagnostic
from dcgan_compiler.ir import Model
from dcgan_compiler.syntax import tree


def lint(syntax: tree.Model, model: Model) -> list[Diagnostic]:
    """The warnings of a model that has no errors."""
    return []
