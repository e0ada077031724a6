"""The program: `dcganc`, or `python -m dcgan_compiler`."""

from __future__ import annotations

import gc


def run() -> None:
    """Run the command line without the garbage collector, whose work is not worth it before the process ends."""
    gc.disable()
    from dcgan_compiler.cli import main

    try:
        main()
    finally:
        gc.freeze()  # or Python would collect once more at its exit


if __name__ == "__main__":
    run()
