"""The statements of a forward method."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Keep:
    """A step that keeps x under a name for the other half."""

    name: str


Step = str | Keep


def statements(steps: Sequence[Step], argument: str, results: Sequence[str] = ("{x}",)) -> Iterator[str]:
    """Steps, each an expression of `{x}`, as statements.

    A call of a module has a line of its own; any other expression stands inside the call that it feeds. A loop over
    modules is a step of two lines. `results` are
    what is returned, as expressions of `{x}` too. A type checker does not know what a module returns, so that is given
    to a variable which is declared to be a Tensor.
    """
    value = argument
    declared = argument == "x"
    for step in steps:
        kept = isinstance(step, Keep)
        if (kept or _names_x_twice(step)) and not value.isidentifier():
            yield _assigned(value, declared)
            value, declared = "x", True
        if isinstance(step, Keep):
            yield f"{step.name} = {value}"
            continue
        if step.startswith("for "):
            yield from step.format(x=value).splitlines()
            continue
        if _is_tensor(step):
            value = step.format(x=value)
            continue
        yield _assigned(step.format(x=value), declared)
        value, declared = "x", True
    if len(results) > 1 and not value.isidentifier():
        yield _assigned(value, declared)
        value = "x"
    yield f"return {', '.join(result.format(x=value) for result in results)}"


def _assigned(value: str, declared: bool) -> str:
    return f"x = {value}" if declared else f"x: Tensor = {value}"


def _names_x_twice(step: Step) -> bool:
    return isinstance(step, str) and step.count("{x}") > 1


def _is_tensor(step: str) -> bool:
    """Whether a type checker knows that an expression is a Tensor."""
    return "self." not in step or step.startswith("torch.")
