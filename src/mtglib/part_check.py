"""Checks whether an object can be a part when it is given, not when it is first called."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator
from inspect import Parameter
from typing import Any

from .errors import OptionError

_ANY_NAME = "some_field"


def check_part(field: str, part: Any, interface: type, error: type[OptionError] = OptionError) -> None:
    """Check that an object implements an interface, such as `mtglib.Network`.

    Each method must accept the arguments of the interface's method, as far as its signature can be inspected. It must
    not be async where the interface's isn't: nothing would await it, and a coroutine counts as true, so an allowlist
    with an async `contains` would let everyone in. Nor may it be a plain function where the interface's answer is
    awaited, unless its annotation says that it returns something other than the answer, such as an Awaitable.

    Args:
        field: The part's name in an error.
        part: The object. Methods that its `__getattr__` provides count as well.
        interface: A protocol class.
        error: The class of the error to raise.

    Raises:
        OptionError: The part is None or a class, lacks a method, or has a method that doesn't accept the interface's
            arguments, or that is async where the interface's isn't, or the other way round.
    """
    methods = sorted(name for name in dir(interface) if not name.startswith("_"))
    expected = f"an object with {', '.join(methods)}"
    if part is None or isinstance(part, type):
        raise error(field, f"{expected}, got {'None' if part is None else f'the class {part.__name__} itself'}")
    if missing := [method for method in methods if not callable(getattr(part, method, None))]:
        raise error(field, f"{expected}; {type(part).__name__} lacks {', '.join(missing)}")
    its = f"that of {type(part).__name__}"
    for method in methods:
        wanted, given = getattr(interface, method), getattr(part, method)
        if not must_be_awaited(wanted) and must_be_awaited(given):
            raise error(field, f"a plain function as {method}, but {its} has to be awaited")
        if _is_asked(wanted) and _answers_at_once(wanted, given):
            raise error(field, f"an `async def` as {method}, but {its} is a plain function")
        if problem := _call_problem(wanted, given):
            call, what = problem
            raise error(field, f"a method called as {method}({call}), but {its}: {what}")


def must_be_awaited(function: Any) -> bool:
    """Return whether a call only begins something, as calls of `async def` and of generators do."""
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    return any(kind(function) or kind(getattr(function, "__call__", None)) for kind in kinds)  # noqa: B004


def _is_asked(wanted: Any) -> bool:
    """Return whether an interface's method is awaited for an answer; without one, a plain function may do as well."""
    return must_be_awaited(wanted) and _returned(wanted) != "None"


def _answers_at_once(wanted: Any, given: Any) -> bool:
    """Return whether a plain function seems to return its answer directly; False for other callables."""
    while isinstance(given, functools.partial):
        given = given.func
    plain = (inspect.isfunction(given) or inspect.ismethod(given)) and not must_be_awaited(given)
    return plain and not hasattr(given, "__wrapped__") and _returned(given) in ("", "None", _returned(wanted))


def _returned(function: Any) -> str:
    """Return a function's return annotation as text without the module; "" for none."""
    annotation = getattr(function, "__annotations__", {}).get("return", "")
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return text.strip("\"'").rpartition(".")[2]


def _call_problem(wanted: Any, given: Any) -> tuple[str, str] | None:
    """Return a call of an interface's method that another one can't take, and why; None if unknown."""
    try:
        parameters = list(inspect.signature(wanted).parameters.values())[1:]  # the first one is self
        signature = inspect.signature(given, follow_wrapped=False)  # a decorator's may add what is missing
    except Exception:  # a part's attributes and annotations may do anything
        return None
    needed = [each for each in parameters if each.default is Parameter.empty]
    named_too = [each for each in parameters if each in needed or each.kind is not Parameter.POSITIONAL_OR_KEYWORD]
    for passed in (needed, named_too):
        positional = [each for each in passed if each.kind is Parameter.POSITIONAL_OR_KEYWORD]
        named = [each.name for each in passed if each.kind is Parameter.KEYWORD_ONLY]
        named += [_ANY_NAME for each in passed if each.kind is Parameter.VAR_KEYWORD]
        try:
            signature.bind(*positional, **dict.fromkeys(named))
        except TypeError as error:
            return ", ".join(_in_a_call(passed)), str(error)
    return None


def _in_a_call(parameters: list[Parameter]) -> Iterator[str]:
    for each in parameters:
        if each.kind is Parameter.VAR_KEYWORD:
            yield f"**{each.name}"
        else:
            yield f"{each.name}=..." if each.kind is Parameter.KEYWORD_ONLY else each.name
