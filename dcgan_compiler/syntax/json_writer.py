"""Syntax tree -> the JSON form; `json_form.py` describes the form."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from dcgan_compiler.syntax.expression import print_expression
from dcgan_compiler.syntax.json_names import is_identifier, names_in, names_of
from dcgan_compiler.syntax.tree import (
    Argument,
    At,
    Body,
    Boolean,
    Branches,
    Call,
    Default,
    Expression,
    Gate,
    Line,
    Link,
    Macro,
    MacroParameter,
    Mirror,
    Model,
    Name,
    Number,
    Option,
    Options,
    Param,
    Repeat,
    Residual,
    Section,
    Setting,
    Statement,
    Text,
    Train,
    Tuple,
    Unary,
)

WIDTH = 100
_INDENT = 2

Object = dict[str, Any]


def write(model: Model) -> str:
    """The JSON text of a model, with a final line break."""
    names = names_of(model)
    parts = [_statement(statement, names) for statement in model.statements]
    objects = _objects(parts, {model.kind: model.name})
    return _open(objects[0] if len(objects) == 1 else objects, 0) + "\n"


def _objects(parts: Iterable[tuple[str, Any, bool]], first: Object) -> list[Object]:
    """Keys and values as objects that read back in this order.

    The third of a part tells that its value, an object or array of one, can be joined to that of the part before it. A
    new object is begun where a key is taken.
    """
    objects = [first]
    for key, value, joins in parts:
        current = objects[-1]
        if joins and key == next(reversed(current), None) and _join(current[key], value):
            continue
        if key in current:
            objects.append({key: value})
        else:
            current[key] = value
    return objects


def _join(before: Any, value: Any) -> bool:
    """Put `value` behind what is there; False where that would repeat a key."""
    if isinstance(value, list):
        before += value
        return True
    if before.keys() & value.keys():
        return False
    before.update(value)
    return True


# Statements


def _statement(statement: Statement, names: frozenset[str]) -> tuple[str, Any, bool]:
    match statement:
        case Param():
            return "params", {statement.name: _expression(statement.value)}, True
        case Setting():
            return statement.name, _expression(statement.value), False
        case Default(call=call):
            return "default", [{call.name: _arguments(call.arguments, names)}], True
        case Macro():
            return "blocks", {statement.name: _macro(statement, names)}, True
        case Section():
            return statement.name, _body(statement.body, names), False
        case Mirror():
            return statement.name, {"mirror": _options(statement.options, names)}, False
        case Train():
            return "train", _options(statement.options, names), False


def _macro(macro: Macro, names: frozenset[str]) -> Object:
    body = {"body": _body(macro.body, names_in(macro, names))}
    return {"parameters": _parameters(macro.parameters)} | body if macro.parameters else body


def _parameters(parameters: Sequence[MacroParameter]) -> list[Any]:
    return _runs(
        (None, parameter.name) if parameter.default is None else (parameter.name, _expression(parameter.default))
        for parameter in parameters
    )


def _options(options: Options, names: frozenset[str]) -> Object | list[Object]:
    objects = _objects([_option(item, names) for item in options.items], {})
    return objects[0] if len(objects) == 1 else objects


def _option(item: Option | At, names: frozenset[str]) -> tuple[str, Any, bool]:
    if isinstance(item, At):
        return "at", {item.label: _options(item.options, names)}, True
    if isinstance(item.value, Call):
        return item.name, {item.value.name: _arguments(item.value.arguments, names)}, False
    return item.name, _expression(item.value), False


# Bodies


def _body(body: Body, names: frozenset[str]) -> list[Any]:
    return [_line(line, names) for line in body.lines]


def _line(line: Line, names: frozenset[str]) -> Any:
    chain = [_link(link, names) for link in line.chain]
    return chain if line.label is None else {"label": line.label, "chain": chain}


def _link(link: Link, names: frozenset[str]) -> Any:
    match link:
        case Call():
            return {link.name: _arguments(link.arguments, names)} if link.arguments else link.name
        case Residual(body=body, skip=skip):
            residual = {"residual": _body(body, names)}
            return residual | {"skip": _body(skip, names)} if skip else residual
        case Branches():
            return {link.kind: [_body(branch, names) for branch in link.branches]}
        case Gate():
            return {"gate": _body(link.body, names)}
        case Repeat():
            return {"repeat": _expression(link.count), "body": _body(link.body, names)}


def _arguments(arguments: Sequence[Argument], names: frozenset[str]) -> Object | list[Any]:
    items = _runs((argument.name, _argument_value(argument.value, names)) for argument in arguments)
    return items[0] if len(items) == 1 and isinstance(items[0], dict) else items


def _runs(values: Iterable[tuple[str | None, Any]]) -> list[Any]:
    """Values in order, neighbours that have a name together in an object."""
    items: list[Any] = []
    for name, value in values:
        if name is None:
            items.append(value)
        elif items and isinstance(items[-1], dict) and name not in items[-1]:
            items[-1][name] = value
        else:
            items.append({name: value})
    return items


# Expressions


def _argument_value(value: Expression, names: frozenset[str]) -> Any:
    """An expression where a string that is a word, and no name in scope, is a text."""
    match value:
        case Text(value=word) if is_identifier(word) and word not in names:
            return word
        case Name(id=word) if word not in names:
            return f"({word})"
        case Tuple():
            return [_argument_value(item, names) for item in value.items]
        case _:
            return _expression(value)


def _expression(value: Expression) -> Any:
    match value:
        case Number() | Boolean():
            return value.value
        case Unary(operand=Number(value=number)) if number:
            return -number
        case Tuple():
            return [_expression(item) for item in value.items]
        case Text(value=word) if "'" not in word:
            return f"'{word}'"  # with double quotes JSON would have to escape them
        case _:
            return print_expression(value)


# Layout


def _laid_out(value: Any, indent: int, column: int) -> str:
    """A value that starts at `column`: on one line where it fits, with a comma behind it."""
    flat = json.dumps(value, ensure_ascii=False)
    return flat if column + len(flat) < WIDTH or not isinstance(value, dict | list) else _open(value, indent)


def _open(value: Any, indent: int) -> str:
    """An object or array with one member per line."""
    inner = indent + _INDENT
    keys = [f"{json.dumps(key)}: " for key in value] if isinstance(value, dict) else [""] * len(value)
    values = value.values() if isinstance(value, dict) else value
    members = [
        f"{' ' * inner}{key}{_laid_out(member, inner, inner + len(key))}"
        for key, member in zip(keys, values, strict=True)
    ]
    start, end = "{}" if isinstance(value, dict) else "[]"
    return "\n".join([start, ",\n".join(members), " " * indent + end])
