"""What a description with mistakes is told, whole: golden files with a description, `# output`, and what is printed.

A first line `# -D name=value` overrides params, as on the command line. After a change of wording, write the files anew
and read the difference: `UPDATE_GOLDEN=1 pytest tests/test_errors.py`.
"""

import os
import re
from pathlib import Path

import pytest

from dcgan_compiler import problems
from dcgan_compiler.compiler import analyse
from dcgan_compiler.diagnostics import Kind, render_all
from dcgan_compiler.source import Source

FILES = sorted((Path(__file__).parent / "errors").glob("*.txt"))
EXAMPLES = Path(__file__).parents[1] / "examples"
KINDS = [kind for kind in vars(problems).values() if isinstance(kind, Kind)]
OVERRIDE = re.compile(r"-D (\w+)=(\d+)")


def messages(text: str) -> str:
    first, _, _ = text.partition("\n")
    overrides = {name: int(value) for name, value in OVERRIDE.findall(first)}
    return render_all(analyse(Source("net.dgan", text), overrides).diagnostics) + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_messages_are_as_pinned(path: Path) -> None:
    text, _, expected = path.read_text(encoding="utf-8").partition("# output\n")
    found = messages(text)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(f"{text}# output\n{found}", encoding="utf-8")
        return
    assert found == expected


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_every_kind_is_shown_in_a_file(kind: Kind) -> None:
    """Those of the syntax, DG0, have files of their own beside the tests of the parser."""
    shown = "".join(path.read_text(encoding="utf-8") for path in FILES)
    assert kind.code.startswith("DG0") or f"[{kind.code}]" in shown


def test_an_ordinary_description_is_told_nothing() -> None:
    text = (EXAMPLES / "dcgan64.dgan").read_text(encoding="utf-8")
    assert analyse(Source("dcgan64.dgan", text)).diagnostics == ()


def test_codes_are_unique() -> None:
    codes = [kind.code for kind in KINDS]
    assert codes == sorted(set(codes))
