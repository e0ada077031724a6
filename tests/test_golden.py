"""Golden files: a description, a line `# output`, and the classes that are generated for it.

`UPDATE_GOLDEN=1 pytest tests/test_golden.py` writes what is generated now; read the difference before it is committed.
"""

import os
from pathlib import Path

import pytest

from dcgan_compiler.compiler import compile_text
from dcgan_compiler.diagnostics import render_all

FILES = sorted((Path(__file__).parent / "golden").glob("*.txt"))


def classes(text: str) -> str:
    """What is generated between the constants and the self-check, without what follows the classes."""
    compilation = compile_text(text)
    assert compilation.code is not None, render_all(compilation.diagnostics)
    start = compilation.code.index("\n\nclass ") + 2
    end = min(
        compilation.code.find(end) for end in ("\n\n\ndef init_weights", "\n\n\ndef trace") if end in compilation.code
    )
    return compilation.code[start:end] + "\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_generated_classes_are_as_pinned(path: Path) -> None:
    text, _, expected = path.read_text(encoding="utf-8").partition("# output\n")
    found = classes(text)
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(f"{text}# output\n{found}", encoding="utf-8")
        return
    assert found == expected
