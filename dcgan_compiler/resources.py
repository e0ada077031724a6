"""The grammars, templates and examples that travel with the compiler."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def resource(folder: str, name: str) -> str:
    """The text of a file: inside the package when it was installed from a wheel, beside it in a checkout."""
    for parent in (_PACKAGE, _PACKAGE.parent):
        path = parent / folder / name
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"{folder}/{name} is missing from this installation of dcganc")


def listing(folder: str) -> list[Path]:
    """Every file below a folder of resources, those at its top first; none where an installation lacks the folder."""
    for parent in (_PACKAGE, _PACKAGE.parent):
        if (parent / folder).is_dir():
            files = [path for path in (parent / folder).rglob("*") if path.is_file()]
            return sorted(files, key=lambda path: (len(path.parts), path))
    return []
