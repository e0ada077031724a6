"""Text never becomes code: every payload in every position that carries text.

A description with a payload is refused with a diagnostic, or compiled to code whose syntax tree is that of the same
description with a harmless word in its place, but for constants and the name that the word became. Where a payload
stands bare in the text it is part of the description, and `#` may well take a line out of it: there the code has no
name that the harmless one lacks. The code that differs from the harmless one in more than its docstring is run as well,
and must not touch the canary. Messages have no character that a terminal obeys.

Black is left out, which would take nine tenths of the time: it keeps the tree.
"""

from __future__ import annotations

import ast
import builtins
import json
import keyword
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from oracle import raw_controls

from dcgan_compiler import codegen
from dcgan_compiler.cli import main
from dcgan_compiler.compiler import Compilation, compile_file, compile_source, compile_text, decode
from dcgan_compiler.diagnostics import DescriptionError, render_all
from dcgan_compiler.scripts import module_for

CANARY = "dcganc_canary"
RUN = f"__import__('builtins').{CANARY}()"

# Payloads

_CLOSERS = [
    "",
    '"',
    "'",
    '"""',
    "'''",
    '\\"',
    "\\'",
    '\\"""',
    '""""',
    ")",
    "))",
    "]",
    "}",
    '")',
    "')",
    '"))',
    "*/",
    "-->",
]
_SEPARATORS = [
    "\n",
    "\r",
    "\r\n",
    ";",
    "\u2028",
    "\u2029",
    "\x85",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\0",
    "\\\n",
]
_OPENERS = ["", "#", '"""', "'''", "x = ("]
_TEMPLATES = [
    f"{{{{ {RUN} }}}}",
    f"{{% set x = {RUN} %}}",
    "{{ self.__init__.__globals__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{% include 'model.py.j2' %}",
    "{% raw %}",
    "{% endfor %}",
    "{# comment",
    "#}",
    "{{",
    "}}",
    "{%- if 1 -%}",
]
_FORMATS = [
    "{0.__class__}",
    "{__import__}",
    "{x}",
    "{{x}}",
    "{",
    "}",
    "%s",
    "%(name)s",
    "%n",
    "${HOME}",
    "$(id)",
    f"{{{RUN}}}",
]
_PRAGMAS = [
    *("# fmt: off", "# fmt: skip", "# fmt: on", "# type: ignore", "# type: int", "# noqa", "# pylint: skip-file"),
    *("# coding: rot13", "# -*- coding: utf-7 -*-", "#!/bin/sh", "# /// script", "from __future__ import braces"),
]
_UNICODE = [
    *("\u202e", "\u2066x\u2069", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u061c", "\u2060", "\ufffe", "\U000e0041"),
    *(
        "ｉｍｐｏｒｔ",
        "𝐢𝐦𝐩𝐨𝐫𝐭 𝐨𝐬",
        "ﬁ",
        "º",
        "ı",
        "Ａ",
        "ſelf",
        "a\u0301",
        "日本",
        "🙂",
        "µ",
        "ℌ",
        "̸",
        "；",
        "＂",
        "（）",
    ),
    *("\ud800", "\udfff", "\udc80", "\ud83d"),
]
_CONTROLS = [
    *("\0", "\x01", "\x07", "\x08", "\t", "\x1a", "\x7f", "\x9b31m", "\x9d", "\x90"),
    *("\x1b[31m", "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;http://x\x1b\\", "\x1b[8m", "\x1b(0"),
]
_ESCAPES = ["\\", "\\\\", "\\n", "\\x0a", "\\u000a", "\\N{LINE FEED}", "\\012", "\\", 'x\\"', "b'", "f'", "rb'", "u'"]
_STATEMENTS = [
    RUN,
    f"import os; {RUN}",
    f"lambda: {RUN}",
    f"[{RUN} for _ in [0]]",
    f"(yield {RUN})",
    f"x := {RUN}",
    f"@{RUN}\ndef f(): pass",
    f"exec({RUN!r})",
    f"eval({RUN!r})",
    f"getattr(__builtins__, '{CANARY}')()",
    f"`{RUN}`",
    f"{CANARY}()",
    CANARY,
    "import os",
    "__import__('os').system('true')",
    "os.system('true')",
]
_NAMES = [
    *("class", "def", "import", "None", "True", "match", "case", "type", "_", "self", "super", "nn", "torch", "print"),
    *(
        "__class__",
        "__init__",
        "__builtins__",
        "__import__",
        "__dict__",
        "_modules",
        "forward",
        "training",
        "parameters",
    ),
    *("state_dict", "Tensor", "Generator", "init_weights", "trace", "x", "image", "exec", "eval", "open", "breakpoint"),
]
_PATHS = [
    "../../etc/passwd",
    "/etc/passwd",
    "..\\..\\x",
    "C:\\x",
    "~root",
    "a/../b",
    "con",
    "-rf",
    "--help",
    "a b",
    "x" * 300,
]

PAYLOADS = list(
    dict.fromkeys(
        [
            *(
                f"x{closer}{separator}{RUN}{separator}#"
                for closer in _CLOSERS
                for separator in ("\n", "\r", ";", "\x0c")
            ),
            *(f'x"{separator}{RUN}{separator}{opener}' for separator in _SEPARATORS for opener in _OPENERS),
            *(_TEMPLATES + _FORMATS + _PRAGMAS + _UNICODE + _CONTROLS + _ESCAPES + _STATEMENTS + _NAMES + _PATHS),
            *(f"x{odd}{RUN}" for odd in _UNICODE),
        ]
    )
)

# Positions


@dataclass(frozen=True)
class Position:
    """A place that carries text: how a word stands in it, in a description of which nothing else changes.

    `word` is the harmless one. In a `bare` place a payload is not yet a token, and may be the end of one.
    """

    write: Callable[[str], str]
    word: str = "word"
    name: Callable[[str], str] = lambda word: "net.dgan"
    overrides: Callable[[str], Mapping[str, Any]] = lambda word: {}
    bare: bool = False

    def compiled(self, word: str) -> Compilation:
        """What comes of the description with a word; as bytes where it has some, since a file holds no surrogates."""
        data = self.write(word).encode("utf-8", "surrogatepass")
        try:
            return compile_source(decode(self.name(word), data), self.overrides(word))
        except DescriptionError as error:
            return Compilation(error.diagnostics)


TEXT = """gan {model} {{
param {param} = 2
input (1, 8, 8)
latent {latent}
init {init}
default conv(kernel_size=3)
block {macro}({argument}=3) {{
    conv({argument}) -> leaky_relu(0.2)
}}
discriminator {{
    {label}: conv({value}, padding_mode={mode})
    {macro}()
    residual {{ {inner}: conv(in_channels, padding=1) -> batch_norm }}
    conv(1, {keyword}=2) {comment}
}}
{section} mirror {{ norm {norm} }}
train {{
    loss {loss}
    optimizer {optimizer}(lr={lr})
    {setting} 100
}}
}}
"""
TINY = "autoencoder Net { input 2; encoder { linear(1) } }\n"
WORDS = {
    "model": "Net",
    "param": "width",
    "latent": "4",
    "init": "dcgan",
    "macro": "unit",
    "argument": "size",
    "label": "stem",
    "value": "4",
    "mode": '"zeros"',
    "inner": "step",
    "keyword": "kernel_size",
    "comment": "",
    "section": "generator",
    "norm": "same",
    "loss": "hinge",
    "optimizer": "adam",
    "lr": "2e-4",
    "setting": "steps",
}


def in_text(place: str, around: str = "{}") -> Callable[[str], str]:
    """The description with a word in one place."""
    return lambda word: TEXT.format(**{**WORDS, place: around.replace("{}", word)})


def in_json(change: Callable[[dict[str, Any], str], object]) -> Callable[[str], str]:
    """The description in JSON, changed with a word; all that is not ASCII is escaped, lone surrogates too."""

    def write(word: str) -> str:
        tree: dict[str, Any] = {
            "gan": "Net",
            "params": {"width": 2},
            "input": [1, 8, 8],
            "latent": 4,
            "blocks": {"unit": {"parameters": [{"size": 3}], "body": [[{"conv": ["size", 3]}, "relu"]]}},
            "discriminator": [
                {"label": "stem", "chain": [{"conv": [4, 3, {"padding_mode": "zeros"}]}, "unit"]},
                ["flatten", {"linear": [1]}],
            ],
        }
        change(tree, word)
        return json.dumps(tree)

    return write


def _renamed(tree: dict[str, Any], old: str, new: str) -> None:
    """Another key, with its place among the keys."""
    items = [(new if key == old else key, value) for key, value in tree.items()]
    tree.clear()
    tree.update(items)


_UNIT: dict[str, Any] = {"parameters": [], "body": [["relu"]]}

POSITIONS = {
    "model name": Position(in_text("model"), "Net", bare=True),
    "param name": Position(in_text("param"), "width", bare=True),
    "param value": Position(lambda word: TEXT.format(**WORDS).replace("= 2", f"= {word}"), "2", bare=True),
    "setting": Position(in_text("latent"), "4", bare=True),
    "init": Position(in_text("init"), "dcgan", bare=True),
    "block name": Position(in_text("macro"), "unit", bare=True),
    "argument name": Position(in_text("argument"), "size", bare=True),
    "label": Position(in_text("label"), "stem", bare=True),
    "label inside": Position(in_text("inner"), "step", bare=True),
    "value": Position(in_text("value"), "4", bare=True),
    "text": Position(in_text("mode", '"{}"'), "zeros", bare=True),
    "text in single quotes": Position(in_text("mode", "'{}'"), "zeros", bare=True),
    "keyword": Position(in_text("keyword"), "kernel_size", bare=True),
    "comment": Position(in_text("comment", "# {}"), "harmless", bare=True),
    "comment at the end": Position(lambda word: f"{TINY}# {word}", bare=True),
    "section": Position(in_text("section"), "generator", bare=True),
    "option": Position(in_text("norm"), "same", bare=True),
    "loss": Position(in_text("loss"), "hinge", bare=True),
    "optimizer": Position(in_text("optimizer"), "adam", bare=True),
    "argument of an optimizer": Position(in_text("lr"), "2e-4", bare=True),
    "setting of the training": Position(in_text("setting"), "steps", bare=True),
    "file name": Position(lambda word: TINY, "net.dgan", name=lambda word: word),
    "file name with a suffix": Position(lambda word: TINY, "net", name=lambda word: f"dir/{word}.dgan"),
    "override name": Position(lambda word: TEXT.format(**WORDS), "width", overrides=lambda word: {word: 3}),
    "json model name": Position(in_json(lambda tree, word: tree.update(gan=word)), "Net"),
    "json kind": Position(in_json(lambda tree, word: _renamed(tree, "gan", word)), "gan"),
    "json section": Position(in_json(lambda tree, word: _renamed(tree, "discriminator", word)), "discriminator"),
    "json param": Position(in_json(lambda tree, word: tree.update(params={word: 2})), "width"),
    "json value": Position(in_json(lambda tree, word: tree.update(latent=word)), "4"),
    "json schema": Position(in_json(lambda tree, word: tree.update({"$schema": word}))),
    "json text": Position(
        in_json(lambda tree, word: tree["discriminator"][0]["chain"][0]["conv"][2].update(padding_mode=word)), "zeros"
    ),
    "json text in quotes": Position(
        in_json(lambda tree, word: tree["discriminator"][0]["chain"][0]["conv"][2].update(padding_mode=f"'{word}'")),
        "zeros",
    ),
    "json keyword": Position(
        in_json(lambda tree, word: tree["discriminator"][0]["chain"][0]["conv"][2].update({word: 1})), "stride"
    ),
    "json optimizer": Position(
        in_json(lambda tree, word: tree.update(train={"optimizer": {word: {"lr": 0.1}}})), "adam"
    ),
    "json loss": Position(in_json(lambda tree, word: tree.update(train={"loss": word})), "hinge"),
    "json label": Position(in_json(lambda tree, word: tree["discriminator"][0].update(label=word)), "stem"),
    "json layer": Position(in_json(lambda tree, word: tree["discriminator"].insert(0, [word])), "relu"),
    "json block": Position(in_json(lambda tree, word: tree["blocks"].update({word: _UNIT})), "other"),
    "json parameter": Position(
        in_json(lambda tree, word: tree["blocks"]["unit"].update(parameters=[{"size": 3}, {word: 4}])), "further"
    ),
}


# The oracle


def skeleton(code: str) -> list[str]:
    """The syntax tree of some code without its constants and names."""
    return [type(node).__name__ for node in ast.walk(ast.parse(code))]


def names(code: str) -> set[str]:
    """Every name that code reads, and every attribute that it asks for."""
    nodes = list(ast.walk(ast.parse(code)))
    read = {node.id for node in nodes if isinstance(node, ast.Name)}
    return read | {node.attr for node in nodes if isinstance(node, ast.Attribute)}


def body(code: str) -> str:
    """The code without the docstring of its head."""
    end = ast.parse(code).body[0].end_lineno
    return "".join(code.splitlines(keepends=True)[end:])


def twin(position: str) -> str:
    place = POSITIONS[position]
    code = place.compiled(place.word).code
    assert code is not None, f"the harmless twin of {position} must compile"
    return code


@pytest.fixture(autouse=True)
def without_black(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codegen, "formatted", lambda code: code)


@pytest.fixture
def canary(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the canary was called with; a payload that runs calls it."""
    calls: list[str] = []
    monkeypatch.setattr(builtins, CANARY, lambda: calls.append("called"), raising=False)
    return calls


def test_there_are_payloads_enough() -> None:
    assert len(PAYLOADS) >= 200 and len(POSITIONS) >= 30


@pytest.mark.parametrize("position", POSITIONS)
def test_text_never_becomes_code(position: str, canary: list[str]) -> None:
    harmless = twin(position)
    bodies = {body(harmless)}
    for payload in PAYLOADS:
        compilation = POSITIONS[position].compiled(payload)
        rendered = render_all(compilation.diagnostics)
        assert not raw_controls(rendered), payload
        assert not any(raw_controls(str(one.to_dict()["message"])) for one in compilation.diagnostics), payload
        if compilation.code is None:
            assert rendered, payload
            continue
        code = compilation.code
        assert code.isascii(), payload
        if code == harmless:
            continue
        own = {payload, class_name(payload), f"{class_name(payload)}Transpose"} if payload.isidentifier() else set()
        assert names(code) - names(harmless) <= own, payload
        assert POSITIONS[position].bare or skeleton(code) == skeleton(harmless), payload
        if body(code) not in bodies:
            bodies.add(body(code))
            exec(compile(code, "<generated>", "exec"), {"__name__": "generated"})
    assert canary == []


def class_name(name: str) -> str:
    """The class that the block of a name becomes."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def test_the_name_of_a_file_is_text(tmp_path: Path) -> None:
    """Files of every name that a file system takes."""
    harmless = ast.dump(ast.parse(body(twin("file name"))))
    for number, payload in enumerate(PAYLOADS):
        name = re.sub(r"[/\0]", "_", payload)[:60]
        folder = tmp_path / str(number)
        folder.mkdir()
        try:
            (folder / f"{name}.dgan").write_text(TINY, encoding="utf-8")
        except (OSError, UnicodeEncodeError):
            continue
        code = compile_file(folder / f"{name}.dgan").code
        assert code is not None and code.isascii()
        assert ast.dump(ast.parse(body(code))) == harmless


def test_the_names_of_files_are_text_in_a_script() -> None:
    model = compile_text(TINY).model
    assert model is not None
    harmless = body(codegen.generate_script(model, "model", "train.py"))
    for payload in PAYLOADS:
        described = compile_text(TINY, name=payload).model
        assert described is not None
        for code in (
            codegen.generate_script(described, "model", "train.py"),
            codegen.generate_script(model, "model", payload),
        ):
            assert code.isascii() and body(code) == harmless, payload


def test_a_script_imports_a_module_of_a_plain_name_only() -> None:
    for payload in PAYLOADS:
        try:
            name = os.fsdecode(os.fsencode(f"{payload}.py".replace("\0", "_")))  # as it can come from a command line
            module = module_for("train.py", name)
        except (click.UsageError, UnicodeEncodeError):
            continue
        assert module.isascii() and module.isidentifier() and not keyword.iskeyword(module)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("nets/a.dgan", "a.dgan"),
        (r"C:\nets\a.dgan", "a.dgan"),
        ("nätz.dgan", "n_tz.dgan"),
        ("nets/a" + "\\", "a_"),
        ("<text>", "<text>"),
    ],
)
def test_the_header_names_the_file(path: str, shown: str) -> None:
    code = compile_text(TINY, name=path).code
    assert code is not None and f" from {shown} (output format" in code


def test_values_from_the_command_line_are_numbers(tmp_path: Path, canary: list[str]) -> None:
    """-D takes a name of letters and a number or truth value; everything else is wrong usage."""
    net = tmp_path / "net.dgan"
    net.write_text(TEXT.format(**WORDS), encoding="utf-8")
    for payload in PAYLOADS:
        for definition in (f"width={payload}", f"{payload}=3", payload):
            result = CliRunner().invoke(main, ["check", str(net), "-D", definition])
            assert result.exit_code in (1, 2), payload
            assert result.exception is None or isinstance(result.exception, SystemExit), payload
            assert not raw_controls(result.output), payload
    assert canary == []
