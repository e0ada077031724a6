"""The frame of the long runs: chunks of inputs, in several processes, with the state in a file after each."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count
from multiprocessing import get_context
from multiprocessing.pool import AsyncResult
from pathlib import Path


@dataclass
class State:
    """What became of some chunks of inputs: how many of each outcome, files of failures by their signature."""

    chunks: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    slowest: float = 0.0
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """The inputs that were tried."""
        return sum(self.outcomes.values())

    def count(self, outcome: str) -> None:
        """One more of an outcome."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def add(self, other: State) -> None:
        """What became of further chunks, of which the time is not counted."""
        self.chunks += other.chunks
        self.outcomes = dict(Counter(self.outcomes) + Counter(other.outcomes))
        self.failures = other.failures | self.failures
        self.slowest = max(self.slowest, other.slowest)

    def line(self, wanted: int) -> str:
        """The progress in one line."""
        outcomes = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(self.outcomes.items()))
        rate = self.done / self.seconds if self.seconds else 0
        return (
            f"{self.done:,} of {wanted:,} inputs: {outcomes}; {len(self.failures)} kinds of failure;"
            f" slowest {self.slowest:.2f} s; {rate:.0f} a second"
        )


Step = Callable[[int, Path], State]
"""What becomes of the chunk of a number; files of failures go to the folder."""


def run(description: str, folder: Path, step: Step) -> int:
    """Take chunks until `--count` inputs were tried in all; the exit status is 1 for a failure.

    The state is `state.json` in the folder: a run that was interrupted, by Ctrl-C or otherwise, goes on after its last
    whole chunk.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--count", type=int, default=2000, help="inputs in all, earlier runs included (%(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (%(default)s)")
    parser.add_argument("--restart", action="store_true", help="forget earlier runs")
    parser.add_argument("--folder", type=Path, default=folder, help="for the state and failures (%(default)s)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    file = options.folder / "state.json"
    state = State() if options.restart or not file.exists() else State(**json.loads(file.read_text(encoding="utf-8")))
    before, start = state.seconds, time.monotonic()
    with suppress(KeyboardInterrupt), get_context("spawn").Pool(options.jobs, _leave_interrupts_to_parent) as pool:
        numbers = count(state.chunks)
        waiting: deque[AsyncResult[State]] = deque()
        while state.done < options.count:
            while len(waiting) < 2 * options.jobs:
                waiting.append(pool.apply_async(step, (next(numbers), options.folder)))
            state.add(waiting.popleft().get())
            state.seconds = before + time.monotonic() - start
            file.write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")
            print(f"\r{state.line(options.count)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    print(state.line(options.count))
    for signature, name in state.failures.items():
        print(f"{signature}: {name}")
    return 1 if state.failures else 0


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
