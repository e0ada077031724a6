"""Random programs that the compiler accepts, and whether their code is right when it runs.

    python fuzz/sweep.py --count 10000

Programs are drawn from the grammar, chunk n the same on every machine. Each that is accepted is compiled, imported and
run forward on the meta device, one in twenty forward and backward on the CPU, too: every size and every count of
parameters must be the one that was inferred, every parameter must get a gradient, and black must have nothing to change
in the code. A mismatch is written to `build/sweep/`. The state is kept there, too, so that a run which was interrupted
goes on where it was.
"""

from __future__ import annotations

import hashlib
import sys
import time
import traceback
import warnings
from pathlib import Path

import black
import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "fuzz")]

from generated import check_gradients, check_on_meta, module  # noqa: E402
from resumable import State, run  # noqa: E402

from dcgan_compiler.compiler import compile_text  # noqa: E402
from fuzz import PROGRAMS, drawn  # noqa: E402

ON_CPU = 20  # one program in so many


def step(number: int, folder: Path) -> State:
    """What becomes of the programs of one chunk that are accepted."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    state = State(chunks=1)
    for text in dict.fromkeys(drawn(number)):
        start = time.process_time()
        outcome = judge(text, on_cpu=state.done % ON_CPU == 0)
        if outcome == "refused":
            continue
        if "\n" in outcome:
            signature, _, details = outcome.partition("\n")
            target = folder / f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.dgan"
            target.write_text(f"{text}\n" + "".join(f"# {line}\n" for line in details.splitlines()), encoding="utf-8")
            state.failures.setdefault(signature, target.name)
            outcome = "mismatch"
        state.count(outcome)
        state.slowest = max(state.slowest, time.process_time() - start)
    return state


def judge(text: str, *, on_cpu: bool) -> str:
    """What became of a program: a word, or for a mismatch its signature on a line and what happened below it."""
    try:
        compilation = compile_text(text)
        if compilation.model is None or compilation.code is None:
            return "refused"
        assert black.format_str(compilation.code, mode=black.Mode()) == compilation.code, "black changes the code"
        made = module(compilation.code)
        check_on_meta(compilation.model, made)
        return "run on the CPU" if on_cpu and check_gradients(compilation.model, made) else "run on meta"
    except Exception as error:
        words = str(error).partition("\n")[0][:100]
        return f"{type(error).__name__}: {words}\n{traceback.format_exc()}"


if __name__ == "__main__":
    sys.exit(run(f"Random programs on torch, {PROGRAMS} drawn at a time.", ROOT / "build/sweep", step))
