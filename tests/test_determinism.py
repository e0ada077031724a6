"""The same bytes everywhere: whatever the hash seed, locale, folder, line ends, configuration and Python.

Each variation compiles the same examples in a process of its own. Other Pythons take part where they can import the
dependencies: those on the path, and those that the variable DCGANC_PYTHONS names, separated by colons; one of them may
have a black in pure Python. The ids of the tests say which they were; where there is none, the one test is skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from dcgan_compiler.compiler import compile_file
from dcgan_compiler.output import sign

ROOT = Path(__file__).parents[1]
NETS = ["dcgan28.dgan", "vae_mlp.json", "pooled.dgan", "gallery/sngan32.dgan"]
COMPILE = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from dcgan_compiler.compiler import compile_file
from dcgan_compiler.output import sign
for net in sys.argv[1:]:
    compilation = compile_file(net)
    sys.stdout.write(sign(compilation.code) + sign(compilation.script()))
"""
CONFIGURATION = """
[tool.black]
line-length = 40
skip-string-normalization = true
skip-magic-trailing-comma = true
preview = true
target-version = ["py27"]
exclude = ".*"
"""


EXAMPLES = sorted(
    path
    for folder in ("examples", "examples/gallery")
    for path in (ROOT / folder).iterdir()
    if path.suffix in (".dgan", ".json")
)


def nets() -> list[Path]:
    return [ROOT / "examples" / name for name in NETS]


@cache
def expected(paths: tuple[Path, ...] = tuple(ROOT / "examples" / name for name in NETS)) -> bytes:
    """The bytes of every other run: the code in the repository, each with the training script as it is made here."""
    scripts = [sign(compile_file(path).script()).encode() for path in paths]
    return b"".join(path.with_suffix(".py").read_bytes() + script for path, script in zip(paths, scripts, strict=True))


def compiled(folder: Path, *, python: str = sys.executable, arguments: list[Path] | None = None, **extra: str) -> bytes:
    """The code and the training scripts of examples, compiled in a process of its own in a folder."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **extra}
    command = [python, "-c", COMPILE.format(root=str(ROOT)), *map(str, arguments or nets())]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_this_process_agrees() -> None:
    compilations = [compile_file(path) for path in nets()]
    assert "".join(sign(one.code or "") + sign(one.script()) for one in compilations).encode() == expected()


@pytest.mark.parametrize("seed", ["0", "1", "42", "4294967295", "random"])
def test_hash_seeds(tmp_path: Path, seed: str) -> None:
    assert compiled(tmp_path, PYTHONHASHSEED=seed) == expected()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [str(seed) for seed in range(2, 22)])
def test_more_hash_seeds(tmp_path: Path, seed: str) -> None:
    assert compiled(tmp_path, PYTHONHASHSEED=seed) == expected()


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["0", "1"])
def test_hash_seeds_with_all_examples(tmp_path: Path, seed: str) -> None:
    assert compiled(tmp_path, arguments=EXAMPLES, PYTHONHASHSEED=seed) == expected(tuple(EXAMPLES))


def locales() -> list[str]:
    """The locales to try; those with other alphabets and commas only where they are installed, or in LOCPATH."""
    listed = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.split()
    listed += os.listdir(folder) if (folder := os.environ.get("LOCPATH")) else []
    return [
        "C",
        "C.UTF-8",
        *(name for name in listed if name.lower() in ("tr_tr.utf8", "tr_tr.utf-8", "de_de.utf8", "de_de.utf-8")),
    ]


@pytest.mark.parametrize("locale", locales())
def test_locales(tmp_path: Path, locale: str) -> None:
    assert compiled(tmp_path, LC_ALL=locale, LANG=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0") == expected()


def test_working_directories(tmp_path: Path) -> None:
    relative = [Path(name) for name in NETS]
    assert compiled(ROOT / "examples", arguments=relative) == compiled(tmp_path) == expected()


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "BOM"])
def test_line_ends_and_byte_order_marks(tmp_path: Path, ending: str, mark: str) -> None:
    for path in nets():
        text = path.read_text(encoding="utf-8")
        written = tmp_path / path.name
        written.write_bytes((mark + text.replace("\n", ending)).encode())
        assert sign(compile_file(written).code or "").encode() == path.with_suffix(".py").read_bytes()


def test_a_configuration_of_black_is_not_obeyed(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    (tmp_path / ".git").mkdir()
    home = tmp_path / "home"
    home.mkdir()
    (home / "black").write_text(CONFIGURATION)
    beside = []
    for path in nets():
        beside.append(tmp_path / path.name)
        beside[-1].write_bytes(path.read_bytes())
    assert compiled(tmp_path, arguments=beside, XDG_CONFIG_HOME=str(home)) == expected()


# Other Pythons

_VERSION = """
import sys, black, click, jinja2, lark
assert sys.version_info >= (3, 11)
kind = "pure" if black.__file__.endswith(".py") else "compiled"
print("python-%d.%d-with-%s-black" % (*sys.version_info[:2], kind))
"""


def pythons() -> dict[str, str]:
    """Other Pythons that can import the dependencies, by their version and that of black."""
    named = os.environ.get("DCGANC_PYTHONS", "").split(os.pathsep)
    found = {}
    for candidate in filter(None, [*named, "python3.12", "python3.13", "python3.14"]):
        try:
            done = subprocess.run([candidate, "-c", _VERSION], capture_output=True, text=True)
        except OSError:
            continue
        if done.returncode == 0:
            found[done.stdout.strip()] = candidate
    return found


def test_every_python_at_hand(tmp_path: Path) -> None:
    for python in (sys.executable, *pythons().values()):
        assert compiled(tmp_path, python=python) == expected()


# What is beside the description


def test_modules_in_the_working_directory_are_not_imported(tmp_path: Path) -> None:
    for name in ("torch", "black", "lark", "jinja2", "click", "rich", "dcgan_compiler", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'a').write({name!r})\n")
    dcganc = Path(sys.executable).parent / "dcganc"
    command = [dcganc, "compile", ROOT / "examples/dcgan28.dgan"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    assert not (tmp_path / "imported").exists()
    assert done.stdout == (ROOT / "examples/dcgan28.py").read_bytes(), done.stderr.decode()
