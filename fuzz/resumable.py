"""The frame of the long runs: so many inputs in all, in chunks, with the state in a file after each."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar


@dataclass
class State:
    """How far a run has come; `outcomes` counts what became of the inputs, `failures` are files by signature."""

    done: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0
    seconds: float = 0.0

    def count(self, outcome: str) -> None:
        """One more of an outcome."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def line(self, count: int) -> str:
        """The progress in one line."""
        outcomes = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(self.outcomes.items()))
        rate = self.done / self.seconds if self.seconds else 0
        return (
            f"{self.done:,} of {count:,} inputs: {outcomes}; {len(self.failures)} kinds of failure;"
            f" slowest {self.slowest:.2f} s; {rate:.0f} a second"
        )


S = TypeVar("S", bound=State)


def run(description: str, fresh: Callable[..., S], folder: Path, step: Callable[[S, Path], None]) -> int:
    """Take steps, each of one chunk, until `--count` inputs were tried in all; the exit status is 1 for a failure.

    The state is `state.json` in the folder: a run that was interrupted goes on after its last whole step.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--count", type=int, default=2000, help="inputs in all, earlier runs included (%(default)s)")
    parser.add_argument("--restart", action="store_true", help="forget earlier runs")
    parser.add_argument("--folder", type=Path, default=folder, help="for the state and failures (%(default)s)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after this time")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    file = options.folder / "state.json"
    state = fresh() if options.restart or not file.exists() else fresh(**json.loads(file.read_text(encoding="utf-8")))
    began = time.monotonic()
    while state.done < options.count and time.monotonic() - began < options.seconds:
        start = time.monotonic()
        step(state, options.folder)
        state.seconds += time.monotonic() - start
        file.write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")
        print(f"\r{state.line(options.count)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(state.line(options.count))
    for signature, name in state.failures.items():
        print(f"{signature}: {name}")
    return 1 if state.failures else 0
