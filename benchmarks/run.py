"""Measure the compiler and its output: `make bench`, or `python benchmarks/run.py --help`.

Every row is a ratio to a named peer measured in the same run, a rate, or an exponent of growth, with its target.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

from measure import Result

GROUPS = ("commands", "pipeline", "models", "training")


def main() -> int:
    """Run the groups that were asked for and print a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of {', '.join(GROUPS)}; all without one")
    parser.add_argument("--rounds", type=int, default=15, help="rounds of each measure (default: %(default)s)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="where the models run")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to this file, or to - alone")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(GROUPS):
        parser.error(f"there is no group {', '.join(sorted(unknown))}")

    show = _print_row if options.json != "-" else lambda result: None
    results = []
    for group in options.groups or GROUPS:
        for result in _group(group, options.rounds, options.device)():
            show(result)
            results.append(result)
    if options.json:
        _write(results, options.json)
    return 0


def _group(name: str, rounds: int, device: str) -> Callable[[], Iterator[Result]]:
    """A group's rows; torch is loaded only for the group that needs it."""
    match name:
        case "commands":
            import commands

            return partial(commands.results, rounds)
        case "pipeline":
            import pipeline

            return partial(pipeline.results, rounds)
        case "models":
            import models

            return partial(models.results, rounds, device)
        case _:
            import training

            return partial(training.results, rounds, device)


def _print_row(result: Result) -> None:
    digits = ",.2f" if result.value is None or result.value >= 0.01 else ".1e"
    value = "-" if result.value is None else f"{result.value:{digits}}{result.unit}"
    target = f"{'<=' if result.at_most else '>='} {result.target:g}{result.unit}"
    print(f"{result.measure:<76}{value:>10}  {target:<9}{result.verdict:<8}{result.detail}", flush=True)


def _write(results: list[Result], file: str) -> None:
    packages = {name: version(name) for name in ("dcganc", "lark", "jinja2", "black", "click", "torch")}
    report = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": packages,
        "results": [{**asdict(result), "verdict": result.verdict} for result in results],
    }
    text = json.dumps(report, indent=2) + "\n"
    if file == "-":
        sys.stdout.write(text)
    else:
        Path(file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
