"""What a parser expected and what it found, in the words of the author rather than those of the grammar."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from lark import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from dcgan_compiler.diagnostics import closest

_MAX_SHOWN = 40
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|=>|.", re.DOTALL)


@dataclass(frozen=True)
class Failure:
    """Where a text stops making sense: `start` to `end` is what was found, `accepted` the terminals that could follow.

    `found` is empty at the end of the text; `is_first` tells that nothing stands before it.
    """

    start: int
    end: int
    found: str
    accepted: frozenset[str]
    is_first: bool


def failure(error: UnexpectedInput, text: str) -> Failure:
    """Lark's exception as data."""
    parser = error.interactive_parser
    accepts = parser.accepts()  # type: ignore[no-untyped-call]
    accepted = frozenset(accepts or {"$END"})  # none are left once a whole expression is recognised
    is_first = not parser.parser_state.value_stack
    if isinstance(error, UnexpectedToken) and error.token.type != "$END":
        token = error.token
        start = token.start_pos or 0
        found = "=>" if text.startswith("=>", start) else str(token)
        return Failure(start, start + len(found), found, accepted, is_first)
    if isinstance(error, UnexpectedCharacters):
        word = _WORD.match(text, error.pos_in_stream or 0)
        assert word, "there is a character that the lexer does not know"
        return Failure(word.start(), word.end(), word.group(), accepted, is_first)
    end = len(text.rstrip())
    return Failure(end, end, "", accepted, is_first)


@dataclass(frozen=True)
class Vocabulary:
    """How the terminals of one grammar are called.

    `words` gives every terminal its phrase, in the order in which a message names them. A terminal in `groups` brings
    the phrase and the members that it stands for (`GATE` is accepted only where a layer is). What is in `silent` is
    named only when nothing else is accepted.
    """

    words: dict[str, str]
    groups: dict[str, tuple[str, frozenset[str]]]
    silent: frozenset[str]

    def phrase(self, accepted: Collection[str]) -> str:
        """The accepted terminals as `a, b or c`."""
        grouped = [group for marker, group in self.groups.items() if marker in accepted]
        hidden = frozenset().union(*(members for _, members in grouped))
        rest = set(accepted) - hidden
        named = rest - self.silent if grouped or rest - self.silent else rest
        phrases = {phrase for phrase, _ in grouped} | {self.words[terminal] for terminal in named}
        order = [*self.words.values()]
        return _either(sorted(phrases, key=order.index))


def _either(phrases: list[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} or {phrases[-1]}"


def quoted(found: str, end: str) -> str:
    """What was found, in backticks; `end` is the name of the end of this kind of text."""
    if not found:
        return end
    if found.isspace():
        return f"the blank U+{ord(found[0]):04X}"
    shown = found if len(found) <= _MAX_SHOWN else f"{found[:_MAX_SHOWN]}..."
    return f"`{shown}`"


# The `.dgan` language

_LINK = ("a layer", frozenset({"NAME", "RESIDUAL", "GATE", "REPEAT", "BRANCHING"}))
_STATEMENT = ("a statement", frozenset({"NAME", "PARAM", "SETTING", "DEFAULT", "BLOCK", "TRAIN"}))
_OPTION = ("an option", frozenset({"NAME", "AT"}))
_VALUE = ("a value", frozenset({"NAME", "NUMBER", "STRING", "TRUE", "FALSE", "LPAR", "_MINUS"}))

DGAN = Vocabulary(
    words={
        "_ARROW": "`->`",
        "COMMA": "`,`",
        "SEMICOLON": "`;`",
        "COLON": "`:`",
        "EQUAL": "`=`",
        "COMPARISON": "a comparison",
        "ADDITIVE": "`+`",
        "MULTIPLICATIVE": "`*`",
        "POWER": "`**`",
        "SKIP": "`skip`",
        "BRANCH": "`branch`",
        "NAME": "a name",
        "GATE": "a layer",
        "PARAM": "a statement",
        "AT": "an option",
        "NUMBER": "a value",
        "LPAR": "`(`",
        "LBRACE": "`{`",
        "MIRROR": "`mirror`",
        "RPAR": "`)`",
        "RBRACE": "`}`",
        "$END": "nothing more",
    },
    groups={"GATE": _LINK, "PARAM": _STATEMENT, "AT": _OPTION, "NUMBER": _VALUE},
    silent=frozenset(
        {"SEMICOLON", "LPAR", "COLON", "EQUAL", "SKIP", "COMPARISON", "ADDITIVE", "MULTIPLICATIVE", "POWER"}
    ),
)

_LOOKALIKES = dict(
    zip("“”„«»‘’‚–—−×÷→⇒…", ['"'] * 5 + ['"'] * 3 + ["-"] * 3 + ["*", "/", "->", "->", "..."], strict=True)
)
_FOUND_HINTS = {
    "[": "a tuple is written in parentheses: `(1, 2)`",
    "//": "a comment starts with `#`",
    "/": "a comment starts with `#`",
    "=>": "layers are joined by `->`",
    '"': "the quote is not closed on its line",
    "'": "the quote is not closed on its line",
    "^": "a power is written `**`",
    "-": "layers are joined by `->`",
}


_STATEMENTS = ("param", "input", "latent", "default", "block", "init", "classes", "condition", "train")


def dgan_hint(wrong: Failure, before: str) -> str | None:
    """Advice for a failure that follows the text `before`, which has no comments, where the mistake is a known one."""
    if wrong.found and not wrong.found.isascii():
        return _lookalike_hint(wrong.found)
    if wrong.is_first and wrong.accepted == {"NAME"}:
        return _FOUND_HINTS.get(
            wrong.found, "a description starts with `gan Name {`, `vae Name {` or `autoencoder Name {`"
        )
    if wrong.found[:1].isdigit() and wrong.accepted == {"NAME"}:
        return "a name starts with a letter or `_`"
    words = before.split()
    if wrong.found == "-" and wrong.accepted <= {"LBRACE", "LPAR", "EQUAL"}:
        return "a name is made of letters, digits and `_`"
    if wrong.found == "," and words[-2:-1] == ["input"]:
        return "a shape stands in parentheses: `input (3, 64, 64)`"
    if wrong.found[:1].isdigit() and "_ARROW" in wrong.accepted and words[-1].isidentifier():
        return f"arguments stand in parentheses: `{words[-1]}({wrong.found})`"
    if wrong.accepted == {"BRANCH"}:
        return "what is added or joined stands in branches: `branch { ... } branch { ... }`"
    if wrong.found == "{" and words[-2:-1] == ["block"]:
        return f"a block has parentheses, for its arguments: `block {words[-1]}() {{ ... }}`"
    if wrong.found == "." and words[-1:] == ["nn"]:
        return "layers have torch's names in snake case, without `nn.` and the dimension: `conv`, `leaky_relu`"
    if wrong.accepted == {"EQUAL"}:
        return f"write `param {words[-1]} = value`"
    if wrong.found in ("{", "mirror") and "PARAM" in wrong.accepted and all(word.isidentifier() for word in words[-2:]):
        return f"`{words[-1]}` is read as the value of `{words[-2]}`; is that missing?"
    if "MIRROR" in wrong.accepted and words and (near := closest(words[-1], _STATEMENTS)):
        return f"did you mean `{near}`?"
    if wrong.found == "}" and "NUMBER" in wrong.accepted:
        return "each statement and option has a value on its own line; one is missing here or above"
    if wrong.found == "{" and words[-1:] == ["skip"]:
        return "`skip { ... }` follows the `}` of a `residual`"
    if wrong.found == "{" and words[-1:] == ["branch"]:
        return "`branch { ... }` stands inside `sum { ... }` or `concat { ... }`"
    if wrong.found == "=" and "_ARROW" in wrong.accepted:
        return "a label is written `name: layer`"
    if wrong.found == ":" and "LBRACE" in wrong.accepted:
        return "no colon before `{`"
    if wrong.found in ("=", ":") and "NUMBER" in wrong.accepted and words and words[-1].isidentifier():
        return f"the value stands behind the name: `{words[-1]} value`"
    if wrong.found == "," and "COMMA" not in wrong.accepted:
        return "commas stand between arguments only; each block, statement or option has its own line"
    if wrong.found == "-" and "NUMBER" in wrong.accepted:
        return "a second minus sign stands in parentheses: `-(-1)`"
    return _FOUND_HINTS.get(wrong.found)


def _lookalike_hint(char: str) -> str:
    plain = _LOOKALIKES.get(char) or unicodedata.normalize("NFKC", char)
    if char.isspace():
        return "use an ordinary space"
    if plain != char and plain.isascii():
        return f"did you mean `{plain}`?"
    return "outside of strings and comments a description is written in ASCII"


# JSON

JSON = Vocabulary(
    words={
        "COMMA": "`,`",
        "COLON": "`:`",
        "NUMBER": "a value",
        "STRING": "a key in double quotes",
        "RSQB": "`]`",
        "RBRACE": "`}`",
        "$END": "nothing more",
    },
    groups={"NUMBER": ("a value", frozenset({"NUMBER", "STRING", "TRUE", "FALSE", "NULL", "LBRACE", "LSQB"}))},
    silent=frozenset(),
)

_JSON_HINTS = {
    "NaN": "JSON has no NaN and no Infinity",
    "Infinity": "JSON has no NaN and no Infinity",
    "True": "JSON writes `true`",
    "False": "JSON writes `false`",
    "None": "JSON writes `null`",
    "'": "a string stands in double quotes",
    '"': "the string is not closed, or has a line break or an unknown escape in it",
    "#": "JSON has no comments",
    "/": "JSON has no comments",
}


def json_hint(wrong: Failure) -> str | None:
    """Advice for a failure in a JSON text, where the mistake is a known one."""
    if wrong.found in ("]", "}") and "STRING" in wrong.accepted:
        return "no comma after the last item"
    if wrong.found and not wrong.found.isascii():
        return _lookalike_hint(wrong.found)
    return _JSON_HINTS.get(wrong.found)
