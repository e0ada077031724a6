"""A source -> the syntax tree of the model in it."""

from __future__ import annotations

from dcgan_compiler.source import Source
from dcgan_compiler.syntax import json_form, text_form
from dcgan_compiler.syntax.scan import is_json
from dcgan_compiler.syntax.tree import Model


def parse(source: Source) -> Model:
    """Read a description; one that starts with a brace or a bracket is in the JSON form.

    Raises DescriptionError, and nothing else whatever the input.
    """
    return json_form.read(source) if is_json(source) else text_form.read(source)
