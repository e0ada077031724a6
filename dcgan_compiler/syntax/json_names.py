"""Which words mean something of their own in the JSON form, and which names a string can refer to."""

from __future__ import annotations

import re

from dcgan_compiler.syntax.tree import Macro, Model, Param

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SETTINGS = ("input", "latent", "init", "classes", "condition")
COMBINATORS = {"residual": "skip", "sum": None, "concat": None, "gate": None, "repeat": "body"}

# Keys that text has no word for, and what it has instead.
IN_TEXT = {"params": "`param name = value`, on a line of its own", "blocks": "`block Name() { ... }`"}

BUILT_IN_NAMES = frozenset({"index", "in_channels"})

# Words that the grammar does not take for a name, by where the name stands.
NOT_A_LINK = frozenset({*COMBINATORS, "skip"})
NOT_AN_OPTION = frozenset({*SETTINGS, "param", "default", "block", "train"})
NOT_A_SECTION = NOT_AN_OPTION | IN_TEXT.keys()
NOT_IN_AN_EXPRESSION = frozenset({"true", "false"})


def is_identifier(word: str) -> bool:
    """Whether a word can be a name."""
    return _IDENTIFIER.fullmatch(word) is not None


def names_of(model: Model) -> frozenset[str]:
    """What an argument anywhere in the model can refer to."""
    return BUILT_IN_NAMES | {statement.name for statement in model.statements if isinstance(statement, Param)}


def names_in(macro: Macro, outside: frozenset[str]) -> frozenset[str]:
    """What an argument in the body of a macro can refer to."""
    return outside | {parameter.name for parameter in macro.parameters}
