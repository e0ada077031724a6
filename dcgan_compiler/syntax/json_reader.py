"""The JSON form -> syntax tree; `json_form.py` describes the form.

Values that stand beside each other are all read before their errors are raised, so that one run reports every one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from dcgan_compiler.diagnostics import DescriptionError, Diagnostic, closest, in_source_order
from dcgan_compiler.problems import EMPTY, EXPRESSION_TOO_LONG, JSON_FORM, TOO_DEEP
from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax import tree
from dcgan_compiler.syntax.build import MAX_EXPRESSION_LENGTH, number_too_large, number_value, written_length
from dcgan_compiler.syntax.expression import print_expression
from dcgan_compiler.syntax.json_names import (
    BUILT_IN_NAMES,
    COMBINATORS,
    NOT_A_LINK,
    NOT_A_SECTION,
    NOT_IN_AN_EXPRESSION,
    SETTINGS,
    is_identifier,
)
from dcgan_compiler.syntax.json_values import (
    Json,
    JsonArray,
    JsonConstant,
    JsonNumber,
    JsonObject,
    JsonString,
    read_json,
)
from dcgan_compiler.syntax.scan import MAX_DEPTH
from dcgan_compiler.syntax.text_form import read_expression

Member = tuple[JsonString, Json]
From = TypeVar("From")
To = TypeVar("To")

_SECTION_FORM = 'lines, as in [["relu"]], or {"mirror": {...}}'


@dataclass(frozen=True)
class _Scope:
    """The names that an argument can refer to here, and how many brackets the text would have open."""

    names: frozenset[str]
    depth: int

    def inside(self, value: Json) -> _Scope:
        """The scope within another pair of brackets, those of `value`."""
        if self.depth == MAX_DEPTH:
            raise DescriptionError([TOO_DEEP.at(value.span, limit=MAX_DEPTH)])
        return replace(self, depth=self.depth + 1)


def read(source: Source) -> tree.Model:
    """The model of a JSON text; raises DescriptionError with all that is wrong with its form."""
    try:
        return _model(read_json(source))
    except DescriptionError as error:
        raise DescriptionError(in_source_order(error.diagnostics)) from None


def _model(document: Json) -> tree.Model:
    fragments = _fragments(document)
    members = [member for fragment in fragments for member in fragment.members if member[0].value != "$schema"]
    if not members:
        raise DescriptionError([EMPTY.at(document.span)])
    kind, name = members[0]
    if not isinstance(name, JsonString):
        raise _wrong(kind, 'the kind and the name of the model, as in "gan": "Net"')
    kind_name, model_name = _name(kind, "the kind of the model"), _name(name, "the name of the model")
    params = [value for key, value in members if key.value == "params" and isinstance(value, JsonObject)]
    names = frozenset(key.value for value in params for key, _ in value.members)
    scope = _Scope(BUILT_IN_NAMES | names, 1)
    groups = _all(lambda member: _statements(member, scope), members[1:])
    statements = tuple(statement for group in groups for statement in group)
    return tree.Model(document.span, kind_name, model_name, statements, (), kind.span, name.span)


# Statements


def _statements(member: Member, scope: _Scope) -> tuple[tree.Statement, ...]:
    """The statements of one member of the top level: many for `params`, `default` and `blocks`."""
    key, value = member
    match key.value:
        case "params":
            return _all(lambda param: _param(param, scope), _object(value, 'params, as in {"width": 64}').members)
        case "default":
            return _all(lambda layer: _default(layer, scope), _array(value, "an array of layers").items)
        case "blocks":
            return _all(lambda macro: _macro(macro, scope), _object(value, "an object of blocks").members)
        case "train":
            return (tree.Train(_span(member), _options(value, scope)),)
        case word if word in SETTINGS:
            return (tree.Setting(_span(member), word, _expression(value, scope)),)
        case _:
            return (_half(member, scope),)


def _param(member: Member, scope: _Scope) -> tree.Param:
    key, value = member
    return tree.Param(_span(member), _name(key, "the name of a param"), _expression(value, scope), key.span)


def _default(value: Json, scope: _Scope) -> tree.Default:
    layer = _object(value, 'a layer with arguments, as in {"conv": {"stride": 2}}')
    if len(layer.members) != 1:
        raise _wrong(layer, "one layer")
    key, arguments = layer.members[0]
    call = tree.Call(layer.span, _name(key, "the name of a layer"), _arguments(arguments, scope), key.span)
    return tree.Default(layer.span, call)


def _macro(member: Member, scope: _Scope) -> tree.Macro:
    key, value = member
    name = _name(key, "the name of a block")
    block = _object(value, 'a block, as in {"parameters": ["n"], "body": [...]}')
    _check_keys(block, ("parameters", "body"))
    given = block.get("parameters")
    parameters = _parameters(given, scope) if given else ()
    inner = replace(scope, names=scope.names | {parameter.name for parameter in parameters})
    return tree.Macro(_span(member), name, parameters, _body(_required(block, "body"), inner), key.span)


def _parameters(value: Json, scope: _Scope) -> tuple[tree.MacroParameter, ...]:
    inner = scope.inside(value)
    form = 'parameters, as in ["a", {"b": 2}]'
    groups = _all(lambda item: _parameter_group(item, inner), _array(value, form).items)
    return tuple(parameter for group in groups for parameter in group)


def _parameter_group(value: Json, scope: _Scope) -> tuple[tree.MacroParameter, ...]:
    """The parameter of a string, or those with defaults of an object."""
    if isinstance(value, JsonString):
        return (tree.MacroParameter(value.span, _name(value, "the name of a parameter"), None),)
    members = _object(value, 'a parameter: "a", or {"a": 2} with its default').members
    return _all(
        lambda member: tree.MacroParameter(
            _span(member), _name(member[0], "the name of a parameter"), _expression(member[1], scope)
        ),
        members,
    )


def _half(member: Member, scope: _Scope) -> tree.Section | tree.Mirror:
    key, value = member
    near = closest(key.value, {"params", "default", "blocks", "train", *SETTINGS})
    name = _name(key, "a statement or a half of the model", NOT_A_SECTION, near)
    if isinstance(value, JsonArray):
        return tree.Section(_span(member), name, _body(value, scope), key.span)
    if not isinstance(value, JsonObject):
        raise _wrong(value, _SECTION_FORM, near)
    _check_keys(value, ("mirror",))
    return tree.Mirror(_span(member), name, _options(_required(value, "mirror"), scope), key.span)


def _options(value: Json, scope: _Scope) -> tree.Options:
    inner = scope.inside(value)
    members = [member for fragment in _fragments(value) for member in fragment.members]
    groups = _all(lambda member: _option_group(member, inner), members)
    return tree.Options(value.span, tuple(item for group in groups for item in group))


def _option_group(member: Member, scope: _Scope) -> tuple[tree.Option | tree.At, ...]:
    """The option of one member, or the labels of an `at`."""
    key, value = member
    if key.value == "at":
        labels = _object(value, 'options of labels, as in {"stem": {...}}')
        return _all(lambda label: _at(label, scope), labels.members)
    name = _name(key, "the name of an option")
    return (tree.Option(_span(member), name, _expression(value, scope), key.span),)


def _at(member: Member, scope: _Scope) -> tree.At:
    key, value = member
    return tree.At(_span(member), _name(key, "a label"), _options(value, scope), key.span)


# Bodies


def _body(value: Json, scope: _Scope) -> tree.Body:
    inner = scope.inside(value)
    lines = _array(value, "an array of lines").items
    return tree.Body(value.span, _all(lambda line: _line(line, inner), lines))


def _line(value: Json, scope: _Scope) -> tree.Line:
    if isinstance(value, JsonArray):
        return tree.Line(value.span, None, _chain(value, scope), None)
    labelled = _object(value, 'a line: an array of layers, or {"label": "stem", "chain": [...]}')
    _check_keys(labelled, ("label", "chain"))
    label = _required(labelled, "label")
    if not isinstance(label, JsonString):
        raise _wrong(label, "a label")
    chain = _chain(_required(labelled, "chain"), scope)
    return tree.Line(value.span, _name(label, "a label", NOT_A_LINK), chain, label.span)


def _chain(value: Json, scope: _Scope) -> tuple[tree.Link, ...]:
    layers = _array(value, "an array of layers")
    return _all(lambda layer: _link(layer, scope), _not_empty(layers, "at least one layer").items)


def _link(value: Json, scope: _Scope) -> tree.Link:
    if isinstance(value, JsonString):
        return tree.Call(value.span, _name(value, "the name of a layer", NOT_A_LINK), (), value.span)
    link = _object(value, 'a layer: "relu", or {"conv": [64]}')
    keyword = next((key.value for key, _ in link.members if key.value in COMBINATORS), None)
    if keyword is not None:
        return _combinator(keyword, link, scope)
    if len(link.members) != 1:
        raise _wrong(link, "one layer, an object with one key")
    key, arguments = link.members[0]
    name = _name(key, "the name of a layer", NOT_A_LINK)
    return tree.Call(link.span, name, _arguments(arguments, scope), key.span)


def _combinator(keyword: str, value: JsonObject, scope: _Scope) -> tree.Link:
    second = COMBINATORS[keyword]
    _check_keys(value, (keyword, second) if second else (keyword,))
    first = _required(value, keyword)
    match keyword:
        case "residual":
            skip = value.get("skip")
            return tree.Residual(value.span, _body(first, scope), _body(skip, scope) if skip else None)
        case "gate":
            return tree.Gate(value.span, _body(first, scope))
        case "repeat":
            count = _expression(first, scope)
            return tree.Repeat(value.span, count, _body(_required(value, "body"), scope))
        case _:
            branches = _not_empty(_array(first, "an array of branches"), "at least one branch")
            inner = scope.inside(first)
            return tree.Branches(value.span, keyword, _all(lambda branch: _body(branch, inner), branches.items))


def _arguments(value: Json, scope: _Scope) -> tuple[tree.Argument, ...]:
    inner = scope.inside(value)
    if isinstance(value, JsonObject):
        return _all(lambda member: _named_argument(member, inner), value.members)
    items = _array(value, "arguments: an array, or an object of named ones").items
    groups = _all(lambda item: _argument_group(item, inner), items)
    return tuple(argument for group in groups for argument in group)


def _argument_group(value: Json, scope: _Scope) -> tuple[tree.Argument, ...]:
    """The positional argument of one item of an array, or the named ones of an object in it."""
    if isinstance(value, JsonObject):
        return _all(lambda member: _named_argument(member, scope), value.members)
    return (tree.Argument(value.span, None, _argument_value(value, scope)),)


def _named_argument(member: Member, scope: _Scope) -> tree.Argument:
    key, value = member
    name = _name(key, "the name of an argument", NOT_IN_AN_EXPRESSION)
    return tree.Argument(_span(member), name, _argument_value(value, scope))


# Expressions


def _argument_value(value: Json, scope: _Scope) -> tree.Expression:
    """An expression in which a string that is a word, and no name in scope, is a text."""
    if isinstance(value, JsonString) and is_identifier(value.value) and value.value not in scope.names:
        return tree.Text(value.span, value.value)
    return _tuple(value, scope, _argument_value) if isinstance(value, JsonArray) else _expression(value, scope)


def _expression(value: Json, scope: _Scope) -> tree.Expression:
    match value:
        case JsonString():
            return read_expression(value.span.source, value.value, value.offsets(), scope.depth)
        case JsonNumber():
            return _number(value)
        case JsonConstant(value=bool(truth)):
            return tree.Boolean(value.span, truth)
        case JsonArray():
            return _tuple(value, scope, _expression)
        case _:
            raise _wrong(value, "a number, a truth value, an expression in a string, or an array of these")


def _tuple(value: JsonArray, scope: _Scope, item: Callable[[Json, _Scope], tree.Expression]) -> tree.Tuple:
    inner = scope.inside(value)
    items = _all(lambda element: item(element, inner), _not_empty(value, "at least one number").items)
    whole = tree.Tuple(value.span, items)
    length = written_length(print_expression(whole))
    if length > MAX_EXPRESSION_LENGTH:
        raise DescriptionError([EXPRESSION_TOO_LONG.at(value.span, limit=MAX_EXPRESSION_LENGTH, length=length)])
    return whole


def _number(value: JsonNumber) -> tree.Number | tree.Unary:
    span, spelling = value.span, value.spelling.removeprefix("-")
    literal = number_value(spelling)
    if literal is None:
        raise DescriptionError([number_too_large(spelling, span)])
    number = tree.Number(Span(span.source, span.end - len(spelling), span.end), literal, spelling)
    return number if spelling == value.spelling else tree.Unary(span, number)


# Checks


def _all(read_one: Callable[[From], To], values: Iterable[From]) -> tuple[To, ...]:
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


def _fragments(value: Json) -> tuple[JsonObject, ...]:
    """The objects of an object, or of an array of objects."""
    items = value.items if isinstance(value, JsonArray) else (value,)
    return _all(lambda item: _object(item, "an object"), items)


def _object(value: Json, expected: str) -> JsonObject:
    if isinstance(value, JsonObject):
        return value
    raise _wrong(value, expected)


def _array(value: Json, expected: str) -> JsonArray:
    if isinstance(value, JsonArray):
        return value
    raise _wrong(value, expected)


def _not_empty(value: JsonArray, expected: str) -> JsonArray:
    if value.items:
        return value
    raise _wrong(value, expected)


def _required(value: JsonObject, key: str) -> Json:
    found = value.get(key)
    if found is None:
        raise _wrong(value, f'the key "{key}"')
    return found


def _check_keys(value: JsonObject, known: Collection[str]) -> None:
    expected = " or ".join(f'"{key}"' for key in known)
    unknown = [key for key, _ in value.members if key.value not in known]
    if unknown:
        raise DescriptionError([_wrong(key, expected, closest(key.value, known)).diagnostics[0] for key in unknown])


def _name(value: JsonString, what: str, reserved: Collection[str] = (), near: str | None = None) -> str:
    if is_identifier(value.value) and value.value not in reserved:
        return value.value
    raise _wrong(value, what, near)


def _wrong(value: Json, expected: str, near: str | None = None) -> DescriptionError:
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


def _span(member: Member) -> Span:
    key, value = member
    return key.span.to(value.span)
