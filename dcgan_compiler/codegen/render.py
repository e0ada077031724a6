"""A plan to text, through the templates of the package; they hold layout and no decision."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from dcgan_compiler.codegen.format import fit
from dcgan_compiler.resources import resource

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def _environment() -> Environment:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(lambda name: resource("templates", name)),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["fit"] = fit
    return environment


def render(template: str, plan: object) -> str:
    """The text of a template filled with a plan, which it knows as `file`."""
    return _environment().get_template(template).render(file=plan)
