"""A source -> the syntax tree of the model in it."""

from __future__ import annotations

from dcgan_compiler.diagnostics import DescriptionError
from dcgan_compiler.limits import limits
from dcgan_compiler.problems import TOO_LONG
from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax.scan import is_json
from dcgan_compiler.syntax.tree import Model


def parse(source: Source) -> Model:
    """Read a description; one in a `.json` file, or that starts with a brace or a bracket, is JSON.

    Raises DescriptionError, and nothing else whatever the input.
    """
    if len(source.text) > limits().bytes:
        raise DescriptionError([TOO_LONG.at(Span(source, 0, 0), limit=limits().bytes)])
    if is_json(source):
        from dcgan_compiler.syntax import json_form

        return json_form.read(source)
    from dcgan_compiler.syntax import text_form

    return text_form.read(source)
