"""The documentation says what is true: what it generates is current, its commands run, its examples compile."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import lark
import pytest
from click.testing import CliRunner

from dcgan_compiler.cli import main
from dcgan_compiler.compiler import compile_file, compile_text
from dcgan_compiler.diagnostics import render_all
from dcgan_compiler.syntax import grammar
from dcgan_compiler.training import SETTINGS

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"(?:<!-- excerpt: (?P<excerpt>[\w/]+) -->\n)?^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
COMMAND = re.compile(r"`(dcganc [^`]+|make [^`]+|python [^`]+)`")
FLAG = re.compile(r"(?<=[ \[])--?[A-Za-z][a-z-]*")
# The description that the README shows a message for
BAD = """\
gan Bad {
    input (3, 32, 32)
    latent 64
    discriminator {
        conv(64, kernel_size=4, stride=2, padding=1, bias=false) -> leaky_relu(0.2)
        conv(128, kernel_size=4, stride=2, padding=1, bias=false) -> batch_norm -> leaky_relu(0.2)
        conv(1, kernel_size=9)
    }
}
"""

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def blocks(page: Path, kind: str) -> Iterator[re.Match[str]]:
    return (match for match in BLOCK.finditer(page.read_text(encoding="utf-8")) if match["kind"] == kind)


def prose(page: Path) -> str:
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


# What is generated


def test_what_is_generated_is_current() -> None:
    if grammar.stored_tables()["lark"] != lark.__version__:
        pytest.skip("the parser's tables are of another version of lark")
    done = subprocess.run(
        [sys.executable, ROOT / "tools/generate.py", "--check"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.stdout, done.returncode) == ("", 0), "run python tools/generate.py"


def test_the_stored_tables_are_used_and_parse_like_the_grammar(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "examples/dcgan64.dgan").read_text(encoding="utf-8")
    stored = grammar.grammar.__wrapped__().parse(text, start="start")
    monkeypatch.setattr(grammar, "stored_tables", dict)
    assert grammar.grammar.__wrapped__().parse(text, start="start") == stored


# Code


@each_page
def test_descriptions_compile(page: Path) -> None:
    for kind, name in (("dgan", "net.dgan"), ("json", "net.json")):
        for match in blocks(page, kind):
            compilation = compile_text(match["text"], name=name)
            assert compilation.ok, render_all(compilation.diagnostics)


def test_the_two_forms_in_the_language_page_say_the_same() -> None:
    page = ROOT / "docs/language.md"
    text, form = (compile_text(next(blocks(page, kind))["text"]).code for kind in ("dgan", "json"))
    assert text == form


@each_page
def test_python_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for match in blocks(page, "python"):
        if not match["excerpt"]:
            exec(compile(match["text"], page.name, "exec"), {})


@each_page
def test_excerpts_are_of_generated_code(page: Path) -> None:
    for match in blocks(page, "python"):
        if not match["excerpt"]:
            continue
        code = compile_file(ROOT / f"examples/{match['excerpt']}.dgan").code
        assert code is not None
        end = 0
        for part in re.split(r"^ *\.\.\.\n", match["text"], flags=re.MULTILINE):
            assert part in code[end:]
            end = code.index(part, end) + len(part)


# Commands


@each_page
def test_transcripts_print_what_is_shown(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bad.dgan").write_text(BAD, encoding="utf-8")
    for match in blocks(page, "console"):
        for entry in re.split(r"^\$ ", match["text"], flags=re.MULTILINE)[1:]:
            command, _, shown = entry.partition("\n")
            program, *arguments = command.split()
            if program == "python":
                done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
                assert done.stdout == shown
            else:
                assert program == "dcganc"
                assert CliRunner().invoke(main, arguments).output == shown


@each_page
def test_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in COMMAND.findall(prose(page)):
        program, *words = command.split()
        if program == "make":
            assert words[0] in targets, command
        elif program == "python" and words[0] == "train.py":
            assert set(FLAG.findall(command)) <= script_options(), command
        elif program == "python" and words[0] != "model.py":
            assert (ROOT / words[0]).exists(), command
        elif program == "dcganc" and words[0] != "COMMAND":
            assert words[0] in main.commands, command
            known = {flag for parameter in main.commands[words[0]].params for flag in parameter.opts}
            assert set(FLAG.findall(command)) <= known | {"--help"}, command


def test_every_command_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert {name for name in main.commands if f"| `dcganc {name} " not in text} == set()


def script_options() -> set[str]:
    """The options of the training script that comes with an example, and of its commands."""
    script = compile_file(ROOT / "examples/dcgan64.dgan").script()
    settings = {f"--{setting.name.replace('_', '-')}" for setting in SETTINGS}
    return settings | {"--lr", "--help"} | set(re.findall(r'"(--[a-z-]+)"', script))


# Links


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@each_page
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if fnmatchcase(target, "http*://*"):
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target
