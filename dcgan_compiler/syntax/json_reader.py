"""The JSON form -> syntax tree; `json_form.py` describes the form.

Values that stand beside each other are all read before their errors are raised, so that one run reports every one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dcgan_compiler.diagnostics import DescriptionError, closest, in_source_order
from dcgan_compiler.problems import EMPTY, EXPRESSION_TOO_LONG, TOO_DEEP
from dcgan_compiler.source import Source, Span
from dcgan_compiler.syntax import tree
from dcgan_compiler.syntax.build import MAX_EXPRESSION_LENGTH, number_too_large, number_value, written_length
from dcgan_compiler.syntax.expression import print_expression
from dcgan_compiler.syntax.json_checks import (
    Member,
    array_of,
    check_keys,
    fragments_of,
    name_of,
    not_empty,
    object_of,
    read_all,
    required,
    span_of,
    wrong,
)
from dcgan_compiler.syntax.json_names import (
    BUILT_IN_NAMES,
    COMBINATORS,
    NOT_A_LINK,
    NOT_A_SECTION,
    NOT_AN_OPTION,
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

_DEFAULT_FORM = 'an array of layers with arguments, as in [{"conv": {"stride": 2}}]'
_LINE_FORM = 'a line: an array of layers, or {"label": "stem", "chain": [...]}'
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
    fragments = fragments_of(document)
    members = [member for fragment in fragments for member in fragment.members if member[0].value != "$schema"]
    if not members:
        raise DescriptionError([EMPTY.at(document.span)])
    kind, name = members[0]
    if not isinstance(name, JsonString):
        raise wrong(kind, 'the kind and the name of the model, as in "gan": "Net"')
    kind_name, model_name = name_of(kind, "the kind of the model"), name_of(name, "the name of the model")
    params = [value for key, value in members if key.value == "params" and isinstance(value, JsonObject)]
    names = frozenset(key.value for value in params for key, _ in value.members)
    scope = _Scope(BUILT_IN_NAMES | names, 1)
    groups = read_all(lambda member: _statements(member, scope), members[1:])
    statements = tuple(statement for group in groups for statement in group)
    return tree.Model(document.span, kind_name, model_name, statements, (), kind.span, name.span)


# Statements


def _statements(member: Member, scope: _Scope) -> tuple[tree.Statement, ...]:
    """The statements of one member of the top level: many for `params`, `default` and `blocks`."""
    key, value = member
    match key.value:
        case "params":
            return read_all(lambda param: _param(param, scope), object_of(value, 'params, as in {"width": 64}').members)
        case "default":
            return read_all(lambda layer: _default(layer, scope), array_of(value, _DEFAULT_FORM).items)
        case "blocks":
            return read_all(lambda macro: _macro(macro, scope), object_of(value, "an object of blocks").members)
        case "train":
            return (tree.Train(span_of(member), _options(value, scope)),)
        case word if word in SETTINGS:
            return (tree.Setting(span_of(member), word, _expression(value, scope)),)
        case _:
            return (_half(member, scope),)


def _param(member: Member, scope: _Scope) -> tree.Param:
    key, value = member
    return tree.Param(span_of(member), name_of(key, "the name of a param"), _expression(value, scope), key.span)


def _default(value: Json, scope: _Scope) -> tree.Default:
    layer = object_of(value, 'a layer with arguments, as in {"conv": {"stride": 2}}')
    return tree.Default(layer.span, _call(layer, scope))


def _macro(member: Member, scope: _Scope) -> tree.Macro:
    key, value = member
    name = name_of(key, "the name of a block")
    block = object_of(value, 'a block, as in {"parameters": ["n"], "body": [...]}')
    check_keys(block, ("parameters", "body"))
    given = block.get("parameters")
    parameters = _parameters(given, scope) if given else ()
    inner = replace(scope, names=scope.names | {parameter.name for parameter in parameters})
    return tree.Macro(span_of(member), name, parameters, _body(required(block, "body"), inner), key.span)


def _parameters(value: Json, scope: _Scope) -> tuple[tree.MacroParameter, ...]:
    inner = scope.inside(value)
    form = 'parameters, as in ["a", {"b": 2}]'
    groups = read_all(lambda item: _parameter_group(item, inner), array_of(value, form).items)
    return tuple(parameter for group in groups for parameter in group)


def _parameter_group(value: Json, scope: _Scope) -> tuple[tree.MacroParameter, ...]:
    """The parameter of a string, or those with defaults of an object."""
    if isinstance(value, JsonString):
        return (tree.MacroParameter(value.span, name_of(value, "the name of a parameter"), None),)
    members = object_of(value, 'a parameter: "a", or {"a": 2} with its default').members
    return read_all(
        lambda member: tree.MacroParameter(
            span_of(member), name_of(member[0], "the name of a parameter"), _expression(member[1], scope)
        ),
        members,
    )


def _half(member: Member, scope: _Scope) -> tree.Section | tree.Mirror:
    key, value = member
    near = closest(key.value, {"params", "default", "blocks", "train", *SETTINGS})
    name = name_of(key, "a statement or a half of the model", NOT_A_SECTION, near)
    if isinstance(value, JsonArray):
        return tree.Section(span_of(member), name, _body(value, scope), key.span)
    if isinstance(value, JsonString):
        raise wrong(key, "a statement or a half: one kind and one name stand at the beginning", near)
    if not isinstance(value, JsonObject):
        raise wrong(value, _SECTION_FORM, near)
    check_keys(value, ("mirror",))
    return tree.Mirror(span_of(member), name, _options(required(value, "mirror"), scope), key.span)


def _options(value: Json, scope: _Scope) -> tree.Options:
    inner = scope.inside(value)
    members = [member for fragment in fragments_of(value) for member in fragment.members]
    groups = read_all(lambda member: _option_group(member, inner), members)
    return tree.Options(value.span, tuple(item for group in groups for item in group))


def _option_group(member: Member, scope: _Scope) -> tuple[tree.Option | tree.At, ...]:
    """The option of one member, or the labels of an `at`."""
    key, value = member
    if key.value == "at":
        labels = object_of(value, 'options of labels, as in {"stem": {...}}')
        return read_all(lambda label: _at(label, scope), labels.members)
    name = name_of(key, "the name of an option", NOT_AN_OPTION)
    return (tree.Option(span_of(member), name, _option_value(value, scope), key.span),)


def _option_value(value: Json, scope: _Scope) -> tree.Expression:
    """An expression, or a layer or optimizer with its arguments."""
    if not isinstance(value, JsonObject):
        return _expression(value, scope)
    if len(value.members) != 1:
        raise wrong(value, 'one layer or optimizer, as in {"adam": {"lr": 0.001}}')
    key, arguments = value.members[0]
    name = name_of(key, "the name of a layer or optimizer", NOT_IN_AN_EXPRESSION)
    call = tree.Call(value.span, name, _arguments(arguments, scope), key.span)
    _check_length(call)
    return call


def _at(member: Member, scope: _Scope) -> tree.At:
    key, value = member
    return tree.At(span_of(member), name_of(key, "a label"), _options(value, scope), key.span)


# Bodies


def _body(value: Json, scope: _Scope) -> tree.Body:
    inner = scope.inside(value)
    lines = array_of(value, "an array of lines").items
    return tree.Body(value.span, read_all(lambda line: _line(line, inner), lines))


def _line(value: Json, scope: _Scope) -> tree.Line:
    if isinstance(value, JsonArray):
        return tree.Line(value.span, None, _chain(value, scope), None)
    labelled = object_of(value, _LINE_FORM)
    if not (labelled.get("label") or labelled.get("chain")):
        raise wrong(value, _LINE_FORM)
    check_keys(labelled, ("label", "chain"))
    label = required(labelled, "label")
    if not isinstance(label, JsonString):
        raise wrong(label, "a label")
    chain = _chain(required(labelled, "chain"), scope)
    return tree.Line(value.span, name_of(label, "a label", NOT_A_LINK), chain, label.span)


def _chain(value: Json, scope: _Scope) -> tuple[tree.Link, ...]:
    layers = array_of(value, "an array of layers")
    return read_all(lambda layer: _link(layer, scope), not_empty(layers, "at least one layer").items)


def _link(value: Json, scope: _Scope) -> tree.Link:
    if isinstance(value, JsonString):
        return tree.Call(value.span, name_of(value, "the name of a layer", NOT_A_LINK), (), value.span)
    link = object_of(value, 'a layer: "relu", or {"conv": [64]}')
    keyword = next((key.value for key, _ in link.members if key.value in COMBINATORS), None)
    if keyword is not None:
        return _combinator(keyword, link, scope)
    return _call(link, scope)


def _call(layer: JsonObject, scope: _Scope) -> tree.Call:
    if len(layer.members) != 1:
        raise wrong(layer, "one layer, an object with one key")
    key, arguments = layer.members[0]
    name = name_of(key, "the name of a layer", NOT_A_LINK)
    return tree.Call(layer.span, name, _arguments(arguments, scope), key.span)


def _combinator(keyword: str, value: JsonObject, scope: _Scope) -> tree.Link:
    second = COMBINATORS[keyword]
    check_keys(value, (keyword, second) if second else (keyword,))
    first = required(value, keyword)
    match keyword:
        case "residual":
            skip = value.get("skip")
            return tree.Residual(value.span, _body(first, scope), _body(skip, scope) if skip else None)
        case "gate":
            return tree.Gate(value.span, _body(first, scope))
        case "repeat":
            count = _expression(first, scope)
            return tree.Repeat(value.span, count, _body(required(value, "body"), scope))
        case _:
            branches = not_empty(array_of(first, "an array of branches"), "at least one branch")
            inner = scope.inside(first)
            return tree.Branches(value.span, keyword, read_all(lambda branch: _body(branch, inner), branches.items))


def _arguments(value: Json, scope: _Scope) -> tuple[tree.Argument, ...]:
    inner = scope.inside(value)
    if isinstance(value, JsonObject):
        return read_all(lambda member: _named_argument(member, inner), value.members)
    items = array_of(value, "arguments: an array, or an object of named ones").items
    groups = read_all(lambda item: _argument_group(item, inner), items)
    return tuple(argument for group in groups for argument in group)


def _argument_group(value: Json, scope: _Scope) -> tuple[tree.Argument, ...]:
    """The positional argument of one item of an array, or the named ones of an object in it."""
    if isinstance(value, JsonObject):
        return read_all(lambda member: _named_argument(member, scope), value.members)
    return (tree.Argument(value.span, None, _argument_value(value, scope)),)


def _named_argument(member: Member, scope: _Scope) -> tree.Argument:
    key, value = member
    name = name_of(key, "the name of an argument", NOT_IN_AN_EXPRESSION)
    return tree.Argument(span_of(member), name, _argument_value(value, scope))


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
            raise wrong(value, "a number, a truth value, an expression in a string, or an array of these")


def _tuple(value: JsonArray, scope: _Scope, item: Callable[[Json, _Scope], tree.Expression]) -> tree.Tuple:
    inner = scope.inside(value)
    items = read_all(lambda element: item(element, inner), not_empty(value, "at least one number").items)
    whole = tree.Tuple(value.span, items)
    _check_length(whole)
    return whole


def _check_length(whole: tree.Expression) -> None:
    """Raise where the text would have an expression that is too long."""
    length = written_length(print_expression(whole))
    if length > MAX_EXPRESSION_LENGTH:
        raise DescriptionError([EXPRESSION_TOO_LONG.at(whole.span, limit=MAX_EXPRESSION_LENGTH, length=length)])


def _number(value: JsonNumber) -> tree.Number | tree.Unary:
    span, spelling = value.span, value.spelling.removeprefix("-")
    literal = number_value(spelling)
    if literal is None:
        raise DescriptionError([number_too_large(spelling, span)])
    number = tree.Number(Span(span.source, span.end - len(spelling), span.end), literal, spelling)
    return number if spelling == value.spelling else tree.Unary(span, number)
