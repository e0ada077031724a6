"""`dcganc verify`: runs what was generated and compares it with the typed model, check by check. Needs torch.

Every check has instances of its own, so that none depends on another, and runs them on a batch of two. A check passes
by returning, with a remark. It raises `NotApplicable` where torch itself has no such thing for this model, and anything
else where the generated code is wrong.
"""

from __future__ import annotations

import secrets
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from dcgan_compiler.ir import Model
from dcgan_compiler.verify import tools, typed_model
from dcgan_compiler.verify.subject import Mismatch, Subject

PASSED, FAILED, NOT_APPLICABLE = "ok", "FAILED", "n.a."
_MAX_REASON = 300

_IMPORT = ("import", typed_model.import_classes)
_QUESTIONS = (
    ("shapes at every block", typed_model.shapes),
    ("output equals input shape", typed_model.exact_output),
    ("parameter counts", typed_model.parameter_counts),
    ("gradients reach every parameter", typed_model.gradients),
    ("state_dict round trip", tools.state_dict),
    ("copy.deepcopy", tools.deep_copy),
    ("pickle", tools.pickling),
    ("torch.export", tools.export),
    ("torch.compile(fullgraph=True)", tools.compiled),
    ("torch.jit.script", tools.scripted),
    ("bfloat16 autocast", tools.bfloat16),
    ("channels_last", tools.channels_last),
    ("float64", tools.float64),
)
LONGEST_NAME = max(len(name) for name, _ in _QUESTIONS)


class Result(NamedTuple):
    """How a check ended; `remark` is what was found, or the reason."""

    status: str
    remark: str


@dataclass(frozen=True)
class Check:
    """One question about the generated code, still to be answered."""

    name: str
    question: Callable[[Subject], str]
    subject: Subject

    def run(self) -> Result:
        """The answer; whatever the generated code raises is one."""
        try:
            with warnings.catch_warnings(action="ignore"):
                return Result(PASSED, self.question(self.subject))
        except tools.NotApplicable as reason:
            return Result(NOT_APPLICABLE, str(reason))
        except Exception as error:
            return Result(FAILED, _reason(error))


def verify(model: Model, code: str, backend: str = "eager") -> Iterator[Check]:
    """The checks of the source that was generated for a model, each to be run before the next is taken.

    There are no more after an import that failed.
    """
    with warnings.catch_warnings(action="ignore"):
        import torch  # noqa: F401  # here, so that its absence is no failure of a check
    with TemporaryDirectory(prefix="dcganc-") as folder:
        path = Path(folder) / f"_dcganc_{secrets.token_hex(8)}.py"
        path.write_text(code, encoding="utf-8")
        subject = Subject(model, path, backend)
        try:
            yield Check(*_IMPORT, subject)
            if subject.is_imported:
                yield from (Check(name, question, subject) for name, question in _QUESTIONS)
        finally:
            subject.forget()


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    text = text if len(text) <= _MAX_REASON else f"{text[:_MAX_REASON]}..."
    return text if isinstance(error, Mismatch) else f"{type(error).__name__}: {text}"
