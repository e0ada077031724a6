"""How things are measured: side by side in one run, in alternating order, with the median of several rounds."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parents[1]
PROGRAMS = Path(sys.executable).parent

# Bytecode is written as an installation would have it, or every start would compile the package anew.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Result:
    """One row of the table: `value` is compared with `target`, unless it could not be measured.

    `unit` is "x" for a ratio to a peer; `at_most` tells which side of the target is good.
    """

    measure: str
    value: float | None
    target: float
    unit: str
    at_most: bool = True
    detail: str = ""
    raw: dict[str, float] = field(default_factory=dict)

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or `-` where there is no value."""
        if self.value is None:
            return "-"
        met = self.value <= self.target if self.at_most else self.value >= self.target
        return "met" if met else "missed"


def interleaved(
    jobs: Sequence[Callable[[], None]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """The seconds of each job in each round, after one round that does not count.

    The order is turned round every time, so that a machine that slows down or speeds up favours nobody.
    """
    seconds: list[list[float]] = [[] for _ in jobs]
    for number in range(rounds + 1):
        order = range(len(jobs)) if number % 2 else reversed(range(len(jobs)))
        for index in order:
            start = clock()
            jobs[index]()
            elapsed = clock() - start
            if number:
                seconds[index].append(elapsed)
    return seconds


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median over the rounds of how many times longer ours took than theirs in the same round."""
    return median(one / other for one, other in zip(ours, theirs, strict=True))


def spread(ours: Sequence[float], theirs: Sequence[float]) -> str:
    """The middle half of the rounds of such a ratio, for people."""
    low, _, high = quantiles([one / other for one, other in zip(ours, theirs, strict=True)], n=4)
    return f"{low:.2f} to {high:.2f}"


def program(*command: object, folder: Path = ROOT, cache: str | None = None) -> Callable[[], None]:
    """A job that runs a program in a folder to its end; it must succeed. What it cached there is removed before."""

    def job() -> None:
        if cache:
            shutil.rmtree(folder / cache, ignore_errors=True)
        subprocess.run(list(map(str, command)), check=True, capture_output=True, env=ENVIRONMENT, cwd=folder)

    return job


def python(code: str) -> Callable[[], None]:
    """A job that runs one line of Python in a new process."""
    return program(sys.executable, "-c", code)


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The slope of a straight line through the points on logarithmic axes, by least squares."""
    xs, ys = [math.log(size) for size in sizes], [math.log(value) for value in values]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    covariance = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return covariance / sum((x - x_mean) ** 2 for x in xs)


def milliseconds(seconds: Sequence[float]) -> str:
    """The median, for people."""
    return f"{median(seconds) * 1000:,.0f} ms"
