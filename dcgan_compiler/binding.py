"""Arguments of a call to the parameters of what is called: a layer, a macro or an optimizer; values of options."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

from dcgan_compiler import problems
from dcgan_compiler.diagnostics import Problem, closest
from dcgan_compiler.expressions import Unknown, evaluate, show
from dcgan_compiler.ir import Arguments
from dcgan_compiler.layers.definition import Check, Parameter
from dcgan_compiler.syntax import tree


def assign(call: tree.Call, parameters: Sequence[str]) -> tuple[dict[str, tree.Argument], list[Problem]]:
    """The arguments of a call by parameter, and what is wrong with how they are given."""
    assigned: dict[str, tree.Argument] = {}
    wrong: list[Problem] = []
    positional = [argument for argument in call.arguments if argument.name is None]
    if len(positional) > len(parameters):
        words = "argument" if len(parameters) == 1 else "arguments"
        limit = f"at most {len(parameters)} {words} without a name" if parameters else "no arguments"
        extra = positional[len(parameters)]
        wrong.append(problems.TOO_MANY_ARGUMENTS.error(extra.span, layer=call.name, limit=limit, found=len(positional)))
    named_seen = False
    free = iter(parameters)
    for argument in call.arguments:
        if argument.name is None and named_seen:
            wrong.append(problems.POSITIONAL_AFTER_NAMED.error(argument.span))
            continue
        named_seen = named_seen or argument.name is not None
        name = next(free, None) if argument.name is None else argument.name
        if name is None:
            continue
        if name not in parameters:
            wrong.append(_unknown(call, name, argument, parameters))
        elif name in assigned:
            wrong.append(problems.REPEATED_ARGUMENT.error(argument.span, layer=call.name, name=name))
        else:
            assigned[name] = argument
    return assigned, wrong


_NEVER_WRITTEN = {
    **dict.fromkeys(
        ("in_channels", "in_features", "num_features", "num_channels", "normalized_shape"),
        "leave it out: it follows from the shape that arrives",
    ),
    **dict.fromkeys(("activation", "norm", "normalization"), "it is a layer of its own, as in `conv(64, 3) -> relu`"),
    "inplace": "leave it out: the generated code works in place where that is safe",
}


def _unknown(call: tree.Call, name: str, argument: tree.Argument, parameters: Sequence[str]) -> Problem:
    near = closest(name, parameters)
    return problems.UNKNOWN_ARGUMENT.error(
        argument.span,
        layer=call.name,
        name=name,
        known=f"its arguments are {', '.join(parameters)}" if parameters else "it takes none",
        near=near,
        hint=_NEVER_WRITTEN.get(name) or (near and f"did you mean `{near}`?"),
    )


def missing(
    call: tree.Call, names: Sequence[str], parameters: Sequence[str], wrong: Sequence[Problem]
) -> list[Problem]:
    """That a call lacks the arguments `names`; not those that an unknown argument was probably meant to be."""
    meant = {problem.diagnostic.values.get("near") for problem in wrong}
    lacking = [f"`{name}`" for name in names if name not in meant]
    if not lacking:
        return []
    what = f"the argument{'s' if len(lacking) > 1 else ''} {' and '.join(lacking)}"
    hint = f"its arguments are {', '.join(parameters)}"
    return [problems.MISSING_ARGUMENT.error(call.name_span, layer=call.name, what=what, hint=hint)]


Names = Mapping[str, Any]
Defaults = Mapping[str, tree.Argument]


class Definition(Protocol):
    """What is called: a layer, for one."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters, in the order in which they can be given without names."""


def bind(
    definition: Definition,
    call: tree.Call,
    names: Names,
    rank: int | None,
    defaults: Defaults | None = None,
    default_names: Names | None = None,
) -> tuple[Arguments | None, list[Problem]]:
    """The checked arguments of a call on an input with `rank` spatial axes, and what is wrong with them.

    `defaults` are the arguments of the model's `default` statements, with the names that were visible there. A rank of
    None, and a name without a value, are shapes that an earlier problem left unknown: what can be checked is checked,
    and the arguments are None.
    """
    known = [parameter.name for parameter in definition.parameters]
    assigned, wrong = assign(call, known)
    bound: dict[str, Any] = {}
    lacking: list[str] = []
    complete = rank is not None
    for parameter in definition.parameters:
        argument, visible = assigned.get(parameter.name), names
        if argument is None and defaults:
            argument, visible = defaults.get(parameter.name), default_names or {}
        if argument is None and parameter.required:
            lacking.append(parameter.name)
            continue
        try:
            bound[parameter.name] = _value(parameter, argument, visible, rank)
        except Unknown:
            complete = False
        except Problem as problem:
            wrong.append(problem)
    wrong += missing(call, lacking, known, wrong)
    return (bound if complete and not wrong else None), wrong


def _value(parameter: Parameter, argument: tree.Argument | None, names: Mapping[str, Any], rank: int | None) -> Any:
    check = parameter.check
    if argument is None:
        default = parameter.default
        spread = check.per_axis and default is not None and rank is not None
        return (default,) * (rank or 0) if spread else default
    value = evaluate(argument.value, names, check.words)
    if check.per_axis and isinstance(value, tuple):
        return _tuple(parameter, value, argument, rank)
    converted = _converted(parameter.name, check, value, argument.value)
    spread = check.per_axis and rank is not None and not isinstance(converted, str)
    return (converted,) * (rank or 0) if spread else converted


def _tuple(parameter: Parameter, value: Iterable[Any], argument: tree.Argument, rank: int | None) -> Any:
    items = tuple(_converted(parameter.name, parameter.check, item, argument.value) for item in value)
    if any(isinstance(item, str) for item in items):
        raise _wrong(parameter.name, parameter.check, items, argument.value)
    if rank is not None and len(items) != rank:
        raise problems.WRONG_ARITY.error(argument.span, name=parameter.name, found=len(items), rank=rank)
    return items


def _converted(name: str, check: Check, value: Any, written: tree.Expression) -> Any:
    converted = check.convert(value)
    if converted is None:
        raise _wrong(name, check, value, written)
    return converted


def _wrong(name: str, check: Check, value: Any, written: tree.Expression) -> Problem:
    near = closest(value, check.words) if isinstance(value, str) else None
    hint = f'did you mean "{near}"?' if near else None
    return problems.WRONG_VALUE.error(written.span, name=name, expected=check.expected, found=show(value), hint=hint)


# Options


def checked(option: tree.Option, check: Check, names: Names) -> Any:
    """The value of an option, which is of the type of `check`; raises a located `Problem`, or `Unknown`."""
    return _converted(option.name, check, evaluate(option.value, names, check.words), option.value)


def word(option: tree.Option, words: Collection[str]) -> str:
    """The word that an option has as its value; raises a located `Problem` where it is none of `words`."""
    value = option.value
    found = value.id if isinstance(value, tree.Name) else value.value if isinstance(value, tree.Text) else ""
    if found in words:
        return found
    raise wrong_option(option, one_of(words), near=closest(found, words))


def one_of(words: Collection[str]) -> str:
    """`a, b or c`."""
    *first, last = words
    return f"{', '.join(first)} or {last}"


def call_of(value: tree.Expression) -> tree.Call | None:
    """What an option names, `relu` or `relu(...)`, as a call; None for another expression."""
    if isinstance(value, tree.Name):
        return tree.Call(value.span, value.id, (), value.span)
    return value if isinstance(value, tree.Call) else None


def wrong_option(option: tree.Option, expected: str, found: str | None = None, near: str | None = None) -> Problem:
    """The problem that an option is not what is expected; `near` is what was probably meant."""
    span = option.value.span
    hint = f"did you mean `{near}`?" if near else None
    return problems.WRONG_VALUE.error(
        span, name=option.name, expected=expected, found=found or f"`{span.text}`", hint=hint
    )
