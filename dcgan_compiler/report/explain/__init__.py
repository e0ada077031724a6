"""How a model is mirrored, and why: `dcganc explain`.

`tracing` finds out what became of each layer, `laws` says why, `steps` puts both in order, and `text` words it.
"""

from __future__ import annotations

from dcgan_compiler.report.explain.text import explain

__all__ = ["explain"]
