"""Formatting with black, in one fixed mode, whatever the reader's own configuration says."""

from __future__ import annotations

LINE_LENGTH = 100


def formatted(code: str) -> str:
    """Python source in black's style."""
    from black import Mode, TargetVersion, format_str

    targets = {TargetVersion.PY310, TargetVersion.PY311, TargetVersion.PY312, TargetVersion.PY313}
    return format_str(code, mode=Mode(target_versions=targets, line_length=LINE_LENGTH))
