"""How much a description may ask for, so that a mistake in it does not become an endless computation.

`limited` sets other limits for a stretch of a program, and the option `--limit` for a run of a command. What keeps
Python's own stack whole (how deep brackets and blocks nest, how long an expression is) can not be changed, and stands
beside the code that needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields, replace


def _limit(default: int, help: str) -> int:
    value: int = field(default=default, metadata={"help": help})
    return value


@dataclass(frozen=True)
class Limits:
    """The largest numbers that are allowed."""

    bytes: int = _limit(2**18, "the size of a description")  # some 4,000 blocks; the parser takes seconds for more
    layers: int = _limit(20_000, "layers, calls of blocks and repetitions after expansion")
    repeat: int = _limit(10_000, "the count of one `repeat`")
    values: int = _limit(2**40, "values in one tensor, for one sample")
    parameters: int = _limit(2**40, "parameters of one layer")
    problems: int = _limit(20, "problems that are shown")


NAMES = tuple(one.name for one in fields(Limits))
_DEFAULTS = Limits()
_CURRENT: ContextVar[Limits] = ContextVar("limits", default=_DEFAULTS)


def limits() -> Limits:
    """The limits that hold here."""
    return _CURRENT.get()


@contextmanager
def limited(**changed: int) -> Iterator[None]:
    """Other limits in a `with` block, by name: `limited(layers=100_000)`; the rest stays as it is outside.

    Raises `ValueError` for a name that is no limit, and for a limit that is no integer of at least 1.
    """
    for name, number in changed.items():
        if name not in NAMES:
            raise ValueError(f"there is no limit {name!r}; the limits are {', '.join(NAMES)}")
        if type(number) is not int or number < 1:
            raise ValueError(f"the limit {name!r} must be an integer of at least 1, not {number!r}")
    before = _CURRENT.set(replace(limits(), **changed))
    try:
        yield
    finally:
        _CURRENT.reset(before)
