"""What the reader of the JSON form asks of a value before it takes it; each failure is a JSON_FORM at its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from dcgan_compiler.diagnostics import DescriptionError, Diagnostic, closest
from dcgan_compiler.problems import JSON_FORM
from dcgan_compiler.source import Span
from dcgan_compiler.syntax.json_names import is_identifier
from dcgan_compiler.syntax.json_values import Json, JsonArray, JsonObject, JsonString

Member = tuple[JsonString, Json]
From = TypeVar("From")
To = TypeVar("To")


def read_all(read_one: Callable[[From], To], values: Iterable[From]) -> tuple[To, ...]:
    """Every value read; the errors of all of them are raised together."""
    results: list[To] = []
    problems: list[Diagnostic] = []
    for value in values:
        try:
            results.append(read_one(value))
        except DescriptionError as error:
            problems += error.diagnostics
    if problems:
        raise DescriptionError(problems)
    return tuple(results)


def fragments_of(value: Json) -> tuple[JsonObject, ...]:
    """The objects of an object, or of an array of objects."""
    items = value.items if isinstance(value, JsonArray) else (value,)
    return read_all(lambda item: object_of(item, "an object"), items)


def object_of(value: Json, expected: str) -> JsonObject:
    """The value, when it is an object."""
    if isinstance(value, JsonObject):
        return value
    raise wrong(value, expected)


def array_of(value: Json, expected: str) -> JsonArray:
    """The value, when it is an array."""
    if isinstance(value, JsonArray):
        return value
    raise wrong(value, expected)


def not_empty(value: JsonArray, expected: str) -> JsonArray:
    """The array, when it has items."""
    if value.items:
        return value
    raise wrong(value, expected)


def required(value: JsonObject, key: str) -> Json:
    """What a key stands for."""
    found = value.get(key)
    if found is None:
        raise wrong(value, f'the key "{key}"')
    return found


def check_keys(value: JsonObject, known: Collection[str]) -> None:
    """Raise for every key of an object that is not known."""
    expected = " or ".join(f'"{key}"' for key in known)
    unknown = [key for key, _ in value.members if key.value not in known]
    if unknown:
        raise DescriptionError([wrong(key, expected, closest(key.value, known)).diagnostics[0] for key in unknown])


def name_of(value: JsonString, what: str, reserved: Collection[str] = (), near: str | None = None) -> str:
    """The string, when it is an identifier that may be the name of `what`; `near` is what was perhaps meant."""
    if is_identifier(value.value) and value.value not in reserved:
        return value.value
    raise wrong(value, what, near)


def wrong(value: Json, expected: str, near: str | None = None) -> DescriptionError:
    """The error of a value that is not what is expected."""
    hint = f"did you mean `{near}`?" if near else None
    return DescriptionError([JSON_FORM.at(value.span, expected=expected, found=_description(value), hint=hint)])


def _description(value: Json) -> str:
    match value:
        case JsonObject(members=()):
            return "an empty object"
        case JsonObject(members=members):
            return "an object" if len(members) == 1 else f"an object of {len(members)} keys"
        case JsonArray(items=items):
            return "an array" if items else "an empty array"
        case _:
            text = value.span.text
            return f"`{text}`" if len(text) <= 40 else f"`{text[:40]}...`"


def span_of(member: Member) -> Span:
    """The place of a key with its value."""
    key, value = member
    return key.span.to(value.span)
