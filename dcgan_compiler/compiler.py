"""The pipeline on one screen, and the functions of the Python interface. Nothing here writes a file or prints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from dcgan_compiler import problems
from dcgan_compiler.declarations import Overrides
from dcgan_compiler.diagnostics import DescriptionError, Diagnostic, in_source_order
from dcgan_compiler.elaborate import elaborate
from dcgan_compiler.ir import Model, Shape
from dcgan_compiler.limits import limits
from dcgan_compiler.lint import lint
from dcgan_compiler.names import why_not_identifier
from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax import tree
from dcgan_compiler.syntax.parse import parse as parse_source


@dataclass(frozen=True)
class Compilation:
    """What came of a description.

    `code` is the generated Python source and `model` the typed model; both are None where a diagnostic is an error.
    """

    diagnostics: tuple[Diagnostic, ...]
    model: Model | None = None
    code: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there is code."""
        return self.code is not None

    def script(self, module: str = "model", name: str = "train.py") -> str:
        """The source of a training script called `name` that imports the code from `module`.

        Raises `ValueError` where there is no model, or where `module` is no name to import from.
        """
        from dcgan_compiler.codegen import generate_script

        if self.model is None:
            raise ValueError("there is no model to train")
        if reason := why_not_identifier(module):
            raise ValueError(f"{module!r} can not be imported: {reason}")
        return generate_script(self.model, module, name)


def parse(text: str, name: str = "<text>") -> tree.Model:
    """The syntax tree of a description in text or JSON; raises `DescriptionError` for one that can not be read."""
    return parse_source(Source(name, text))


def analyse(source: Source, overrides: Overrides | None = None, input_shape: Shape | None = None) -> Compilation:
    """The typed model of a description with all errors and warnings, without generating code."""
    try:
        syntax = parse_source(source)
    except DescriptionError as error:
        return Compilation(error.diagnostics)
    model, diagnostics = elaborate(syntax, overrides, input_shape)
    warnings = lint(syntax, model) if model else []
    return Compilation(tuple(in_source_order([*diagnostics, *warnings])), model)


def compile_source(source: Source, overrides: Overrides | None = None, input_shape: Shape | None = None) -> Compilation:
    """The pipeline: text -> syntax tree -> typed model and its mirror -> plan -> Python source."""
    from dcgan_compiler.codegen import generate

    analysed = analyse(source, overrides, input_shape)
    if analysed.model is None:
        return analysed
    return Compilation(analysed.diagnostics, analysed.model, generate(analysed.model))


def compile_text(
    text: str, *, name: str = "net.dgan", overrides: Overrides | None = None, input_shape: Shape | None = None
) -> Compilation:
    """Compile a description. `name` is the file name that messages and the generated header show.

    `overrides` replace the values of params, `input_shape` (without the batch) that of the `input` statement.
    """
    return compile_source(Source(name, text), overrides, input_shape)


def compile_file(
    path: str | Path, *, overrides: Overrides | None = None, input_shape: Shape | None = None
) -> Compilation:
    """Compile the description in a file; raises `OSError` where it can not be read."""
    try:
        source = read(path)
    except DescriptionError as error:
        return Compilation(error.diagnostics)
    return compile_source(source, overrides, input_shape)


def read(path: str | Path) -> Source:
    """The text of the file at a path, of which no more is read than a description may have; raises as `decode` does."""
    with open(path, "rb") as file:
        return decode(str(path), file.read(limits().bytes + 1))


def decode(name: str, data: bytes) -> Source:
    """The text of a file; raises `DescriptionError` where it is too long or not UTF-8."""
    if len(data) > limits().bytes:
        raise DescriptionError([problems.TOO_LONG.at(Span(Source(name, ""), 0, 0), limit=limits().bytes)])
    try:
        source = Source(name, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise DescriptionError([_not_text(name, data, error.start)]) from None
    if "\0" in source.text:
        raise DescriptionError([_not_text(name, data, data.index(0))])
    return source


def _not_text(name: str, data: bytes, offset: int) -> Diagnostic:
    """The problem of a byte that is not UTF-8, or of one that is zero, as in every text in UTF-16."""
    utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[offset] == 0
    hint = "it looks like UTF-16: save it as UTF-8" if utf16 else "save it as UTF-8"
    before = Source(name, data[:offset].decode("utf-8"))
    place = Span(before, len(before.text), len(before.text))
    return problems.NOT_UTF8.at(place, byte=f"0x{data[offset]:02x}", offset=offset, hint=hint)


def load(
    description: str | Path, *, overrides: Overrides | None = None, input_shape: Shape | None = None
) -> SimpleNamespace:
    """The classes of a description as live objects, for notebooks; needs torch.

    `description` is the path of a file, or a description itself (a text with a brace in it). Raises `DescriptionError`
    with all that is wrong.
    """
    if isinstance(description, str) and "{" in description:
        compilation = compile_text(description, overrides=overrides, input_shape=input_shape)
    else:
        compilation = compile_file(description, overrides=overrides, input_shape=input_shape)
    if compilation.code is None or compilation.model is None:
        raise DescriptionError(compilation.diagnostics)
    namespace: dict[str, object] = {"__name__": compilation.model.name}
    exec(compile(compilation.code, f"<{compilation.model.name}>", "exec"), namespace)
    return SimpleNamespace(**{name: value for name, value in namespace.items() if not name.startswith("__")})
