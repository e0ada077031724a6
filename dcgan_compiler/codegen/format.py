"""Formatting with black, in one fixed mode, whatever the reader's own configuration says."""

from __future__ import annotations


def formatted(code: str) -> str:
    """Python source in black's style."""
    from black import Mode, format_str

    return format_str(code, mode=Mode())
