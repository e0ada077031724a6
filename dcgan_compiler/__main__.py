"""`python -m dcgan_compiler`: the same as `dcganc`."""

import os
import sys

if sys.path[:1] == [os.getcwd()]:  # where `-m` looks first: a file `torch.py` there is not what we mean
    del sys.path[0]

from dcgan_compiler.cli import main  # noqa: E402

main(prog_name="dcganc")
