"""The shape of the package: imports go downward, torch stays out of the compiler, modules stay small."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "dcgan_compiler"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 350

# From the bottom up: a module imports from its own line and from those above it. A package is one entry.
LAYERS = [
    ["source", "limits"],
    ["diagnostics"],
    ["problems"],
    ["resources"],
    ["syntax"],
    ["ir"],
    ["rebuild"],
    ["layers"],
    ["kinds", "expressions"],
    ["names", "naming", "binding", "training"],
    ["bodies", "policy", "train_statement"],
    ["declarations", "rewrite", "tying", "frames"],
    ["assembly"],
    ["mirror"],
    ["conditioning"],
    ["elaborate", "lint"],
    ["codegen"],
    ["report"],
    ["compiler"],
    ["output", "verify", "load"],
    ["__init__"],
    ["console"],
    ["options"],
    ["descriptions"],
    ["authoring", "scripts", "views"],
    ["cli"],
    ["__main__"],
]
BUILDERS = {"Bodies", "Declarations", "Library"}  # these collect, and do not outlive their pass
HEIGHTS = {name: height for height, names in enumerate(LAYERS) for name in names}


def entry(path: Path) -> str:
    """The entry of `LAYERS` that a file belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_entries(tree: ast.Module) -> Iterator[str]:
    """The entries of `LAYERS` that a module imports from, wherever in its text."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(module="dcgan_compiler", names=names):
                modules = [f"dcgan_compiler.{alias.name}" for alias in names]
            case ast.ImportFrom(module=str(module), level=0):
                modules = [module]
            case _:
                continue
        for module in modules:
            package, _, rest = module.partition(".")
            if package == PACKAGE.name:
                name = rest.partition(".")[0]
                yield name if name in HEIGHTS else "__init__"


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a module without its `if TYPE_CHECKING:`; a type may be named from below."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [
        node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]
    return tree


each_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))


@each_module
def test_imports_go_downward(path: Path) -> None:
    assert entry(path) in HEIGHTS, "a new module needs a place in LAYERS"
    upward = {name for name in imported_entries(parsed(path)) if HEIGHTS[name] > HEIGHTS[entry(path)]}
    assert upward == set()


@each_module
def test_imports_are_absolute(path: Path) -> None:
    assert not [node for node in ast.walk(parsed(path)) if isinstance(node, ast.ImportFrom) and node.level]


@each_module
def test_no_module_loads_torch_to_be_imported(path: Path) -> None:
    imports = [node for node in parsed(path).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert not [node for node in imports if "torch" in ast.unparse(node).replace(".", " ").split()]


@each_module
def test_modules_are_small(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) < MAX_LINES


@each_module
def test_values_do_not_change(path: Path) -> None:
    """What one pass gives to another is frozen; only classes of one module alone may collect."""
    name = ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    for made in vars(importlib.import_module(name)).values():
        if not (isinstance(made, type) and is_dataclass(made) and made.__module__ == name):
            continue
        if made.__name__ not in BUILDERS and not made.__name__.startswith("_"):
            with pytest.raises(FrozenInstanceError):
                setattr(object.__new__(made), fields(made)[0].name, None)


def test_the_command_line_starts_without_torch_and_rich() -> None:
    program = "import sys, dcgan_compiler.cli; print({'torch', 'rich'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
