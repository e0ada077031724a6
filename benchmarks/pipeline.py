"""The compiler in this process: how many networks a second, and how time and memory grow with a network."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

from measure import ROOT, Result, exponent

from dcgan_compiler import Source, analyse, compile_source

SIZES = (10, 30, 100, 300, 1000, 2000)
REPEATS = 200
LINE = "conv(8, 3, padding=1) -> batch_norm -> relu"
SHAPES: dict[str, Callable[[int], str]] = {
    "in a row": lambda count: "\n".join([f"        {LINE}"] * count),
    "in residual branches": lambda count: "\n".join([f"        residual {{ {LINE}; conv(8, 1) }}"] * (count // 2)),
}


def results(rounds: int) -> Iterator[Result]:
    """Every row about the pipeline."""
    yield _speed(rounds)
    for shape, lines in SHAPES.items():
        yield from _growth(shape, lines)


def _speed(rounds: int) -> Result:
    """Text to checked, mirrored IR, warnings included; by the time of the processor, since this is about one core."""
    source = Source("dcgan64.dgan", (ROOT / "examples/dcgan64.dgan").read_text(encoding="utf-8"))
    analyse(source)
    rates = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(REPEATS):
            analyse(source)
        rates.append(REPEATS / (time.process_time() - start))
    return Result("dcgan64, text to mirrored IR, in process", median(rates), 300, "/s", at_most=False)


def _growth(shape: str, lines: Callable[[int], str]) -> Iterator[Result]:
    """Exponents of time and of the peak of memory over the number of blocks, for a whole compilation."""
    sources = [network(count, lines) for count in SIZES]
    compile_source(sources[0])
    seconds = [_seconds(partial(compile_source, source), count) for source, count in zip(sources, SIZES, strict=True)]
    kilobytes = [_kilobytes(partial(compile_source, source)) for source in sources]
    measure = f"compile {SIZES[0]} to {SIZES[-1]:,} blocks {shape}, exponent of"
    for what, values, unit in (("time", seconds, "s"), ("memory", kilobytes, "kB")):
        raw = {str(size): value for size, value in zip(SIZES, values, strict=True)}
        last = exponent(SIZES[-2:], values[-2:])
        detail = f"{values[0]:,.3g} to {values[-1]:,.3g} {unit}; {last:.2f} from {SIZES[-2]:,} on"
        yield Result(f"{measure} {what}", exponent(SIZES, values), 1.1, "", detail=detail, raw=raw)


def network(count: int, lines: Callable[[int], str]) -> Source:
    """A description of so many blocks."""
    text = f"autoencoder Long {{\n    input (8, 8, 8)\n    encoder {{\n{lines(count)}\n    }}\n}}\n"
    return Source(f"{count}.dgan", text)


def _seconds(job: Callable[[], object], count: int) -> float:
    """The fastest of several runs, more of them for a short one; without the garbage collector, as the program runs."""
    times = []
    gc.disable()
    for _ in range(max(2, min(10, 300 // count))):
        start = time.process_time()
        job()
        times.append(time.process_time() - start)
        gc.collect()
    gc.enable()
    return min(times)


def _kilobytes(job: Callable[[], object]) -> float:
    """The most memory that was held at a time beyond what was held before."""
    gc.collect()
    tracemalloc.start()
    job()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1024
