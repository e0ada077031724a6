"""The program: `dcganc`, or `python -m dcgan_compiler`."""

from __future__ import annotations

import gc
import os
import sys


def run() -> None:
    """Run the command line without the garbage collector, whose work is not worth it before the process ends."""
    gc.disable()
    from dcgan_compiler.cli import main

    try:
        main(prog_name="dcganc")
    finally:
        gc.freeze()  # or Python would collect once more at its exit


if __name__ == "__main__":
    if sys.path[:1] == [os.getcwd()]:  # where `-m` looks first: a file `torch.py` there is not what we mean
        del sys.path[0]
    run()
