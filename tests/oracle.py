"""What must hold for every input whatever it is: the judgement of the fuzzer and of the regression tests.

An input is refused with diagnostics or compiled, within 2 seconds of processor time and 300 MB for the whole process;
for a network of many thousand layers there is a second more for each 5,000. No exception but `DescriptionError` leaves
the public functions, a message has no character that a terminal would obey, and the code is Python in which no class
sets an attribute twice. What can be read can be laid out as text and as JSON, and reads back as the same tree.
"""

from __future__ import annotations

import ast
import gc
import os
import resource
import sys
import time
import traceback
import unicodedata
from collections import Counter
from pathlib import Path

import dcgan_compiler
from dcgan_compiler.codegen import generate
from dcgan_compiler.compiler import analyse, decode
from dcgan_compiler.diagnostics import DescriptionError, render_all
from dcgan_compiler.ir import Model
from dcgan_compiler.source import Source
from dcgan_compiler.syntax import json_form, tree
from dcgan_compiler.syntax.parse import parse
from dcgan_compiler.syntax.printer import print_model

# Beside other tests, on processors that share their caches, the same work takes several times as long.
MAX_SECONDS = 10.0 if "PYTEST_XDIST_WORKER" in os.environ else 2.0
SECONDS_PER_LAYER = 1 / 5000
MAX_MEGABYTES = 300

COMPILED, REFUSED = "compiled", "refused"
_PACKAGE = Path(dcgan_compiler.__file__).parent
_RSS_PER_MEGABYTE = 2**20 if sys.platform == "darwin" else 2**10


def _most_memory() -> float:
    """The most memory that the process has had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _RSS_PER_MEGABYTE


_INHERITED_MEGABYTES = _most_memory()  # Linux hands a process the peak of the one that started it


class Broken(Exception):
    """A rule that an input breaks; `signature` is equal for inputs that break it in the same way."""

    def __init__(self, signature: str, details: str = "") -> None:
        super().__init__(f"{signature}\n{details}".strip())
        self.signature = signature


def judge(name: str, data: bytes) -> str:
    """What became of an input, COMPILED or REFUSED; raises `Broken`."""
    gc.disable()  # as in the command
    start = time.process_time()
    try:
        outcome, layers = _outcome(name, data)
    except Broken:
        raise
    except Exception as error:
        raise Broken(_signature(error), traceback.format_exc()) from error
    finally:
        seconds = time.process_time() - start
        gc.enable()
    if seconds > MAX_SECONDS + layers * SECONDS_PER_LAYER:
        raise Broken("too slow", f"{seconds:.1f} s")
    megabytes = _most_memory()
    if megabytes > max(MAX_MEGABYTES, _INHERITED_MEGABYTES):
        raise Broken("too much memory", f"{megabytes:.0f} MB")
    return outcome


def _signature(error: Exception) -> str:
    """The type of an exception and the innermost place in the compiler that it came through."""
    places = [
        f"{path.relative_to(_PACKAGE)}:{frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if (path := Path(frame.filename)).is_relative_to(_PACKAGE)
    ]
    return f"{type(error).__name__} in {places[-1] if places else 'the oracle'}"


def _outcome(name: str, data: bytes) -> tuple[str, int]:
    """What became of an input, and the layers of both halves."""
    try:
        source = decode(name, data)
        syntax = parse(source)
    except DescriptionError as error:
        return _refused(str(error)), 0
    _check_layouts(syntax)
    compilation = analyse(source)
    rendered = render_all(compilation.diagnostics)
    _check_message(rendered)
    if compilation.model is None:
        errors = any(diagnostic.is_error for diagnostic in compilation.diagnostics)
        return _refused(rendered) if errors else _broken("refused without an error", rendered), 0
    layers = len(compilation.model.source.layers) + len(compilation.model.derived.layers)
    return _generated(compilation.model), layers


def _generated(model: Model) -> str:
    code = generate(model)
    try:
        parsed = ast.parse(code)
        compile(parsed, "<generated>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise Broken("the code is no Python", f"{error}\n{code}") from None
    for made in parsed.body:
        if isinstance(made, ast.ClassDef) and (twice := _set_twice(made)):
            raise Broken("an attribute is set twice", f"{made.name}.{twice[0]}\n{code}")
    return COMPILED


def _set_twice(made: ast.ClassDef) -> list[str]:
    """The attributes of `self` that a class assigns more than once."""
    assigned = [node.targets[0] for node in ast.walk(made) if isinstance(node, ast.Assign)]
    names = [target.attr for target in assigned if isinstance(target, ast.Attribute)]
    return [name for name, count in Counter(names).items() if count > 1]


def _refused(rendered: str) -> str:
    _check_message(rendered)
    return REFUSED if rendered else _broken("refused without a word")


def _broken(signature: str, details: str = "") -> str:
    raise Broken(signature, details)


def _check_message(rendered: str) -> None:
    """A message has no characters that a terminal obeys or that turn text around."""
    if found := raw_controls(rendered):
        raise Broken("a control character in a message", f"{found!r}\n{rendered!r}")


def raw_controls(text: str) -> list[str]:
    """The characters of a text, line feeds apart, that are not shown but obeyed, or are no characters at all."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return []
    return [char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")]


def _check_layouts(syntax: tree.Model) -> None:
    """Both forms of a description say the same as the description."""
    for form, text in (("text", print_model(syntax)), ("JSON", json_form.write(syntax))):
        try:
            again = parse(Source("again", text))
        except DescriptionError as error:
            raise Broken(f"the layout as {form} can not be read", f"{error}\n{text}") from None
        if again != syntax:
            raise Broken(f"the layout as {form} says something else", text)
