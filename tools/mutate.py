"""Change one thing at a time in a module of the compiler, and see whether the tests notice.

    python tools/mutate.py dcgan_compiler/layers/geometry.py tests/test_layers.py tests/test_errors.py

A mutant has one operator, comparison, condition or number that is another. It is killed if a test fails, or if the
tests take ten times as long as without it; the survivors are listed with their line, and with the reason from
`tools/survivors.txt` where no test can notice them. The tests of a mutant run in a process of their own that begins
with torch loaded, so a mutant that the first tests notice costs a second or two: name the fast ones first. Those that
were killed are kept in `build/mutation/` and not tried again until the module changes, so that an interrupted run goes
on, and one with further tests tries the survivors only.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
_SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult},
    **{ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.And: ast.Or, ast.Or: ast.And, ast.UAdd: ast.USub},
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
}
_CALIBRATION_FACTOR = 10


def mutants(text: str) -> Iterator[tuple[int, str, ast.Module]]:
    """Every mutant of a module: the line, what stood there and what stands there now, and the tree."""
    for number in range(len(list(ast.walk(ast.parse(text))))):
        tree = ast.parse(text)
        node = list(ast.walk(tree))[number]
        shown = _around(node, tree)
        before = _line(shown)
        if _mutate(node):
            ast.fix_missing_locations(tree)
            yield node.lineno, f"{before}  ->  {_line(shown)}", tree  # type: ignore[attr-defined]


def _around(node: ast.AST, tree: ast.Module) -> ast.AST:
    """A node, or what a constant stands in."""
    parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
    shown = parents.get(node, tree) if isinstance(node, ast.Constant) else node
    while not isinstance(shown, ast.expr | ast.stmt | ast.Module):
        shown = parents[shown]
    return shown


def _line(node: ast.AST) -> str:
    """The first line of a node as source; of a definition or of a module none is needed."""
    return (
        ast.unparse(node).partition("\n")[0] if isinstance(node, ast.expr | ast.If | ast.Assign | ast.AnnAssign) else ""
    )


def _mutate(node: ast.AST) -> bool:
    """Change a node in its place; whether there was something to change."""
    match node:
        case ast.BinOp() | ast.BoolOp() if type(node.op) in _SWAPPED:
            node.op = _SWAPPED[type(node.op)]()  # type: ignore[assignment]
        case ast.Compare(ops=[first, *_]) if type(first) in _SWAPPED:
            node.ops[0] = _SWAPPED[type(first)]()  # type: ignore[call-overload]
        case ast.UnaryOp(op=ast.Not()):
            node.op = ast.UAdd()  # the truth of a number, where it was its opposite
        case ast.Constant(value=bool(truth)):
            node.value = not truth
        case ast.Constant(value=int(number)):
            node.value = number + 1
        case ast.If() | ast.IfExp():
            node.test = ast.UnaryOp(ast.Not(), node.test)
        case _:
            return False
    return True


class _Mutated(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a tree instead of from its file."""

    def __init__(self, path: Path, tree: ast.Module) -> None:
        self.path, self.tree = path, tree
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts)

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        origin = str(self.path)
        return importlib.machinery.ModuleSpec(name, self, origin=origin) if name == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(self.path)
        exec(compile(self.tree, str(self.path), "exec"), module.__dict__)


def survives(path: Path, tree: ast.Module, tests: list[str], seconds: int) -> bool:
    """Whether the tests pass with a module that is this tree."""
    child = os.fork()
    if child == 0:
        signal.alarm(seconds)
        sys.meta_path.insert(0, _Mutated(path, tree))
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), contextlib.redirect_stderr(nowhere):
            status = pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])
        os._exit(int(status))
    return os.waitpid(child, 0)[1] == 0


def known_survivors(module: str) -> dict[str, str]:
    """The mutants of a module that no test can notice, with the reason, from `tools/survivors.txt`."""
    lines = (ROOT / "tools/survivors.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for number, line in enumerate(lines):
        name, _, change = line.partition(": ")
        if name == module:
            found[change] = lines[number + 1].strip()
    return found


def main(module: str, tests: list[str]) -> int:
    """Print the survivors and how many mutants were killed; the exit status is 1 for a survivor without a reason."""
    for name in ("black", "hypothesis", "jinja2", "lark", "torch"):
        importlib.import_module(name)  # once, for all processes
    path = ROOT / module
    text = path.read_text(encoding="utf-8")
    file = ROOT / "build/mutation" / f"{module.replace('/', '.')}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    state = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    killed: list[int] = state["killed"] if state.get("module") == text else []
    start = time.monotonic()
    assert survives(path, ast.parse(text), tests, 3600), "the tests fail without a mutant"
    seconds = round(_CALIBRATION_FACTOR * (time.monotonic() - start)) + 1
    every = list(mutants(text))
    reasons = known_survivors(module)
    unexplained = 0
    for number, (line, change, tree) in enumerate(every):
        print(f"\r{number:,} of {len(every):,}", end="", file=sys.stderr, flush=True)
        if number in killed:
            continue
        if survives(path, tree, tests, seconds):
            unexplained += change not in reasons
            print(f"\r{module}:{line}: {change}\n    {reasons.get(change, 'no reason is known')}", flush=True)
            continue
        killed.append(number)
        file.write_text(json.dumps({"module": text, "killed": killed}), encoding="utf-8")
    print(f"\r{module}: {len(killed)} of {len(every)} killed, {len(killed) / max(len(every), 1):.1%}")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    sys.exit(main(sys.argv[1], sys.argv[2:]))
