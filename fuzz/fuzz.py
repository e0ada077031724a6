"""Random and damaged descriptions against the compiler; see `tests/oracle.py` for what must hold.

    python fuzz/fuzz.py --count 1000000

Inputs come in chunks. Chunk n is the same on every machine: programs that the grammar allows (`tests/programs.py`), and
damaged ones (`mutator.py`) made of them, of the examples and of the regressions, in text and JSON. The state is kept in
`build/fuzz/state.json` after each chunk, so that a run which was interrupted goes on where it was; `--restart` begins
anew. An input that breaks a rule is minimised and written to `build/fuzz/`; move it to `tests/regressions/` with the
correction. The exit status is 1 when there was one.
"""

from __future__ import annotations

import hashlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from random import Random

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "fuzz")]

from hypothesis import HealthCheck, Phase, given, seed, settings  # noqa: E402
from mutator import mutated  # noqa: E402
from oracle import Broken, judge  # noqa: E402
from programs import programs  # noqa: E402
from resumable import State, run  # noqa: E402

from dcgan_compiler.compiler import parse  # noqa: E402
from dcgan_compiler.syntax import json_form  # noqa: E402

CHUNK = 1000
PROGRAMS = 100  # of a chunk; the rest is damaged
FOLDER = ROOT / "build/fuzz"
_DRAWING = settings(
    max_examples=PROGRAMS, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=[*HealthCheck]
)
_MINIMISING_STEPS = 2000


def step(number: int, folder: Path) -> State:
    """What becomes of the inputs of one chunk."""
    state = State(chunks=1)
    for name, data in chunk(number, examples()):
        _try(state, name, data, folder)
    return state


# Inputs


@cache
def examples() -> list[bytes]:
    """The examples in text and JSON, and all regressions."""
    folders = (ROOT / "examples", ROOT / "tests/golden", ROOT / "tests/errors", ROOT / "tests/syntax/errors")
    files = sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".dgan", ".json", ".txt")
    )
    texts = [path.read_text(encoding="utf-8").partition("# output\n")[0] for path in files]
    valid = [text for path, text in zip(files, texts, strict=True) if path.suffix == ".dgan"]
    regressions = [path.read_bytes() for path in sorted((ROOT / "tests/regressions").iterdir()) if path.is_file()]
    return [
        *(text.encode() for text in texts),
        *(json_form.write(parse(text)).encode() for text in valid),
        *regressions,
    ]


def chunk(number: int, corpus: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """The inputs of one chunk, each with the name that messages call it."""
    random = Random(number)
    texts = list(dict.fromkeys(drawn(number)))
    for text in texts:
        yield "drawn.dgan", text.encode()
    seeds = [text.encode() for text in texts]
    for _ in range(CHUNK - len(texts)):
        yield "damaged.dgan", mutated(random, corpus, random.choice(random.choice((corpus, seeds))))


def drawn(number: int) -> list[str]:
    """Programs of the grammar, most of them valid."""
    texts: list[str] = []

    @seed(number)
    @_DRAWING
    @given(programs())
    def draw(text: str) -> None:
        texts.append(text)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        draw()
    return texts


# Failures


def _try(state: State, name: str, data: bytes, folder: Path) -> None:
    start = time.process_time()
    try:
        outcome = judge(name, data)
        state.slowest = max(state.slowest, time.process_time() - start)
    except Broken as broken:
        outcome = "broken"
        if broken.signature not in state.failures:
            state.failures[broken.signature] = _written(broken, name, data, folder)
    state.count(outcome)


def _written(broken: Broken, name: str, data: bytes, folder: Path) -> str:
    """The file with a minimised input, beside one with what is wrong."""

    def fails(candidate: bytes) -> bool:
        try:
            judge(name, candidate)
        except Broken as other:
            return other.signature == broken.signature
        return False

    is_repeatable = broken.signature not in ("too slow", "too much memory")  # the peak of a process stays where it is
    smallest = minimised(data, fails) if is_repeatable else data
    target = folder / f"{hashlib.sha256(smallest).hexdigest()[:12]}.dgan"
    target.write_bytes(smallest)
    target.with_suffix(".txt").write_text(f"{broken}\n", encoding="utf-8", errors="backslashreplace")
    return target.name


def minimised(data: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """A part of the input that still fails, from which no single stretch of the tried sizes can be left out."""
    steps = 0
    size = max(1, len(data) // 2)
    while size:
        at = 0
        shorter = data
        while at < len(shorter) and steps < _MINIMISING_STEPS:
            candidate = shorter[:at] + shorter[at + size :]
            steps += 1
            if fails(candidate):
                shorter = candidate
            else:
                at += size
        size = size // 2 if len(shorter) == len(data) or size > 1 else size
        if steps >= _MINIMISING_STEPS or (size == 1 and len(shorter) == len(data)):
            return shorter
        data = shorter
    return data


if __name__ == "__main__":
    sys.exit(run((__doc__ or "").partition("\n")[0], FOLDER, step))
