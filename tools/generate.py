"""Write the files, and the parts of files, that follow from others: `python tools/generate.py`, or `--check`.

- grammar/dgan.tables.json, the parser's tables, from grammar/dgan.lark and the installed lark
- docs/language.md, its tables of layers, from the vocabulary, and those of `train` and of the limits
- docs/diagnostics.md, its index, from the catalogue of problems and the golden files of the tests
- docs/api.md, its list of names, from the docstrings of the public functions

A generated part of a page stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import dcgan_compiler
from dcgan_compiler import problems
from dcgan_compiler.compiler import decode
from dcgan_compiler.diagnostics import WARNING, DescriptionError, Kind, render
from dcgan_compiler.expressions import show
from dcgan_compiler.layers import VOCABULARY
from dcgan_compiler.layers.definition import ACTIVATION, ATTENTION, DROPOUT, NORM, OPERATOR, LayerDef
from dcgan_compiler.limits import Limits
from dcgan_compiler.report.vocabulary import signature
from dcgan_compiler.syntax import grammar
from dcgan_compiler.training import LOSSES, OPTIMIZERS, SETTINGS, Loss, Optimizer, Setting

ROOT = Path(__file__).resolve().parents[1]
_PART = re.compile(r"(<!-- generated: (?P<name>[a-z ]+) -->\n).*?(?=<!-- end -->)", re.DOTALL)


def main() -> int:
    """Write what is out of date; with `--check` only name it and fail."""
    stale = [(path, text) for path, text in generated() if not path.exists() or path.read_text("utf-8") != text]
    for path, text in stale:
        print(f"{path.relative_to(ROOT)}: {'out of date' if '--check' in sys.argv else 'written'}")
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


def generated() -> Iterator[tuple[Path, str]]:
    """Every file that is generated, or has a generated part, with the text that it should have."""
    if not grammar.are_current(grammar.stored_tables()):  # lark's numbering of states differs from run to run
        yield ROOT / "grammar" / grammar.TABLES, grammar.computed_tables()
    for page in ("language", "diagnostics", "api"):
        path = ROOT / f"docs/{page}.md"
        yield path, _PART.sub(lambda match: f"{match[1]}\n{_PARTS[match['name']]()}\n", path.read_text("utf-8"))


# Layers

_INPUTS = ("`(F)`", "`(C, L)`", "`(C, H, W)`", "`(C, D, H, W)`")


def _signature(layer: LayerDef) -> str:
    return f"`{layer.name}({', '.join(map(signature, layer.parameters))})`" if layer.parameters else f"`{layer.name}`"


def _input(layer: LayerDef) -> str:
    return "any" if layer.ranks == (0, 1, 2, 3) else "a map" if layer.ranks == (1, 2, 3) else _INPUTS[layer.ranks[0]]


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    cells = [" | ".join(cell.replace("|", "\\|") for cell in line) for line in lines]
    return "\n".join(f"| {line} |" for line in cells) + "\n"


def _operators() -> str:
    rows = [
        (f"{_signature(layer)}<br>{layer.summary}", _input(layer), f"`{layer.shape_rule}`", layer.mirror_rule)
        for layer in VOCABULARY.values()
        if layer.role == OPERATOR
    ]
    return _table(("layer", "takes", "shape", "mirror"), rows)


def _interface_layers() -> str:
    rows = [
        (_signature(layer), layer.summary, _input(layer))
        for role in (NORM, ACTIVATION, DROPOUT, ATTENTION)
        for layer in VOCABULARY.values()
        if layer.role == role
    ]
    return _table(("layer", "what it does", "takes"), rows)


def _values() -> str:
    """The kinds of arguments that are not plain numbers, each with the arguments that are of it."""
    found: dict[str, list[str]] = {}
    for layer in VOCABULARY.values():
        for parameter in layer.parameters:
            if parameter.check.words or parameter.check.per_axis or parameter.name in ("padding", "unflattened_size"):
                names = found.setdefault(parameter.check.expected, [])
                names += [parameter.name] if parameter.name not in names else []
    rows = [(", ".join(f"`{name}`" for name in names), expected) for expected, names in found.items()]
    return _table(("argument", "value"), rows)


# Limits


def _limits() -> str:
    rows: list[tuple[str, ...]] = [
        (f"`{limit.name}`", f"{limit.default:,}", limit.metadata["help"]) for limit in dataclasses.fields(Limits)
    ]
    return _table(("limit", "is", "what it counts"), rows)


# Training


def _losses() -> str:
    rows = [
        (f"`{kind}`", f"`{loss.name}`{_rank(loss, losses)}", loss.help, _optimizer(loss.optimizer))
        for kind, losses in LOSSES.items()
        for loss in losses
    ]
    return _table(("kind", "loss", "what is minimised", "default optimizer"), rows)


def _rank(loss: Loss, losses: tuple[Loss, ...]) -> str:
    """Whether a loss is the default: the first that fits."""
    always = next(loss for loss in losses if not loss.interval)
    if loss is always:
        return ", the default" if loss is losses[0] else ", the default elsewhere"
    return ", the default where it fits" if losses.index(loss) < losses.index(always) else ""


def _optimizer(optimizer: Optimizer) -> str:
    """A call with the arguments that are not torch's defaults, and the learning rate."""
    written = [
        f"{parameter.name}={show(optimizer.arguments[parameter.name])}"
        for parameter in OPTIMIZERS[optimizer.name].parameters
        if parameter.name == "lr" or optimizer.arguments[parameter.name] != parameter.default
    ]
    return f"`{optimizer.name}({', '.join(written)})`"


def _optimizers() -> str:
    rows = [
        (f"`{name}`", ", ".join(f"`{signature(parameter)}`" for parameter in optimizer.parameters))
        for name, optimizer in OPTIMIZERS.items()
    ]
    return _table(("optimizer", "arguments"), rows)


def _settings() -> str:
    rows = [
        (f"`{setting.name}`", _owner(setting), setting.check.expected, _setting_default(setting), setting.help)
        for setting in SETTINGS
    ]
    return _table(("setting", "for", "value", "default", "meaning"), rows)


def _owner(setting: Setting) -> str:
    if len(setting.kinds) > 1:
        return "every kind"
    return f"`{setting.kinds[0]}`" + (f" with `loss {setting.loss}`" if setting.loss else "")


def _setting_default(setting: Setting) -> str:
    if setting.default is None:
        return "that of the optimizer"
    others = [f"{show(value)} with `{loss}`" for loss, value in setting.loss_defaults.items()]
    return "; ".join([show(setting.default), *others])


# Diagnostics

_GOLDEN = [ROOT / "tests/errors", ROOT / "tests/syntax/errors"]
_MAX_EXAMPLE_LINES = 16


def _diagnostics() -> str:
    examples = _examples()
    parts = []
    for kind in (value for value in vars(problems).values() if isinstance(value, Kind)):
        parts += [f"### {kind.code}", "", f"{_words(kind)}", ""]
        if kind.code in examples:
            parts += ["```text", examples[kind.code], "```", ""]
    return "\n".join(parts)


def _words(kind: Kind) -> str:
    """The message with its values as words."""
    message = re.sub(r"\{(\w+)[^}]*\}", lambda match: f"*{match[1].replace('_', ' ')}*", kind.message)
    message = re.sub(r"`\*([^*]+)\*`", r"*\1*", message)
    return f"{'Warning: ' if kind.severity == WARNING else ''}{message}."


def _examples() -> dict[str, str]:
    """For every code the shortest message that the tests pin."""
    found: dict[str, list[str]] = {problems.NOT_UTF8.code: [_not_utf8()]}
    for path in sorted(file for folder in _GOLDEN for file in folder.glob("*.txt")):
        output = path.read_text("utf-8").rpartition("# output\n")[2]
        for block in output.split("\n\n"):
            if match := re.match(r"(?:error|warning)\[(DG\d+)\]", block):
                found.setdefault(match[1], []).append(block.rstrip("\n"))
    shortest = {code: min(blocks, key=lambda block: (len(block), block)) for code, blocks in found.items()}
    return {code: block for code, block in shortest.items() if block.count("\n") < _MAX_EXAMPLE_LINES}


def _not_utf8() -> str:
    try:
        decode("net.dgan", "gan Émile".encode("latin-1"))
    except DescriptionError as error:
        return render(error.diagnostics[0])
    raise AssertionError("this is not UTF-8")


# The Python interface


def _names() -> str:
    rows = []
    for name in dcgan_compiler.__all__:
        value = getattr(dcgan_compiler, name)
        summary = _ALIASES.get(name) or (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ")
        rows.append((f"`{name}`", summary))
    return _table(("name", "what it is"), rows)


_ALIASES = {"Shape": "A shape without the batch: `tuple[int, ...]`."}

_PARTS = {
    "operators": _operators,
    "interface layers": _interface_layers,
    "values": _values,
    "limits": _limits,
    "losses": _losses,
    "optimizers": _optimizers,
    "settings": _settings,
    "diagnostics": _diagnostics,
    "names": _names,
}

if __name__ == "__main__":
    sys.exit(main())
