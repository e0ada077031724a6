"""Descriptions as the command line handles them: read from a file or standard input, compiled, reported on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from dcgan_compiler.compiler import Compilation, analyse, compile_source, decode, read as read_file
from dcgan_compiler.console import STDIN, read_input
from dcgan_compiler.diagnostics import DescriptionError, Diagnostic, render_all
from dcgan_compiler.ir import Model, Shape
from dcgan_compiler.limits import limits
from dcgan_compiler.options import Overrides
from dcgan_compiler.output import outdated, sign
from dcgan_compiler.resources import listing
from dcgan_compiler.source import Source
from dcgan_compiler.syntax import tree
from dcgan_compiler.syntax.parse import parse
from dcgan_compiler.syntax.scan import is_json


def read(net: str) -> Source:
    """The text of a description; raises `DescriptionError` where it is too long or not UTF-8."""
    return decode("<stdin>", read_input(limits().bytes + 1)) if net == STDIN else read_file(net)


def read_trees(nets: Sequence[str]) -> list[tree.Model]:
    """The syntax trees of descriptions; raises `DescriptionError` with what is wrong in any of them."""
    trees: list[tree.Model] = []
    diagnostics: list[Diagnostic] = []
    for net in nets:
        try:
            trees.append(parse(read(net)))
        except DescriptionError as error:
            diagnostics += error.diagnostics
    if diagnostics:
        raise DescriptionError(diagnostics)
    return trees


def laid_out(syntax: tree.Model) -> str:
    """A description in its canonical layout, in the form that it was written in.

    It is read again, since it will replace what somebody wrote; a difference would be a bug in the printer.
    """
    from dcgan_compiler.syntax import json_form
    from dcgan_compiler.syntax.printer import print_model

    source = syntax.span.source
    text = json_form.write(syntax) if is_json(source) else print_model(syntax)
    again = parse(Source(source.name, text))
    if (again, again.comments) != (syntax, syntax.comments):
        raise RuntimeError(f"the layout of {source.name} would change its meaning")
    return text


# Compiling


@dataclass(frozen=True)
class Outcome:
    """What came of one description; `diff` is how a file that should be its code differs from it."""

    net: str
    compilation: Compilation
    diff: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether there is nothing to correct."""
        return self.compilation.model is not None and not self.diff

    @property
    def model(self) -> Model:
        """The typed model; raises `DescriptionError` where the description has none."""
        if self.compilation.model is None:
            raise DescriptionError([one for one in self.compilation.diagnostics if one.is_error])
        return self.compilation.model

    @cached_property
    def code(self) -> str:
        """The code with its fingerprint; only where code was generated."""
        assert self.compilation.code is not None
        return sign(self.compilation.code)

    def script(self, module: str, name: str) -> str:
        """The training script `name` with its fingerprint; it imports the code from `module`."""
        return sign(self.compilation.script(module, name))

    @property
    def sizes(self) -> str:
        """The parameters of both halves."""
        halves = (self.model.source, self.model.derived)
        return ", ".join(f"{half.role.capitalize()} {half.parameters:,} parameters" for half in halves)

    def against(self, model: Path, script: Path | None = None) -> Outcome:
        """The same, compared with the files that should be its code and its script; line endings do not count."""
        if self.compilation.code is None:
            return self
        expected = {model: self.code}
        if script is not None:
            expected[script] = self.script(model.stem, script.name)
        found = {path: path.read_bytes().decode("utf-8", "replace") for path in expected}
        return replace(self, diff="".join(outdated(path, found[path], text) for path, text in expected.items()))

    def to_dict(self) -> dict[str, Any]:
        """The outcome as JSON values."""
        diagnostics = [diagnostic.to_dict() for diagnostic in self.compilation.diagnostics]
        return {"file": self.net, "ok": self.is_ok, "diagnostics": diagnostics, "diff": self.diff or None}


def compiled(
    net: str,
    overrides: Overrides = (),
    input_shape: Shape | None = None,
    *,
    ignored: Sequence[str] = (),
    generate: bool = True,
) -> Outcome:
    """A description, compiled or only analysed, without the warnings of the `ignored` codes."""
    run = compile_source if generate else analyse
    try:
        compilation = run(read(net), dict(overrides), input_shape)
    except DescriptionError as error:
        compilation = Compilation(error.diagnostics)
    shown = tuple(one for one in compilation.diagnostics if one.is_error or one.kind.code not in ignored)
    return Outcome(net, replace(compilation, diagnostics=shown))


def report(outcomes: Sequence[Outcome]) -> str:
    """All problems under each other, the errors first: a long list is cut short."""
    diagnostics = [diagnostic for outcome in outcomes for diagnostic in outcome.compilation.diagnostics]
    return render_all(sorted(diagnostics, key=lambda diagnostic: not diagnostic.is_error))


# Presets


def presets() -> dict[str, Path]:
    """The shipped descriptions by name."""
    return {path.stem: path for path in listing("examples") if path.suffix in (".dgan", ".json")}


def preset_summary(path: Path) -> str:
    """What a shipped description is: its first comment, or for one in JSON its kind and name."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        kind, name = next(iter(json.loads(text).items()))
        return f"{kind} {name}, in JSON"
    return text.partition("\n")[0].removeprefix("#").strip().removeprefix(f"{path.name}:").strip()
