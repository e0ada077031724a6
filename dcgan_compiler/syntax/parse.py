"""A source -> the syntax tree of the model in it."""

from __future__ import annotations

from dcgan_compiler.source import Source
from dcgan_compiler.syntax.scan import is_json
from dcgan_compiler.syntax.tree import Model


def parse(source: Source) -> Model:
    """Read a description; one that starts with a brace or a bracket is in the JSON form.

    Raises DescriptionError, and nothing else whatever the input.
    """
    if is_json(source):
        from dcgan_compiler.syntax import json_form

        return json_form.read(source)
    from dcgan_compiler.syntax import text_form

    return text_form.read(source)
