"""Checks whether an object can be a part when it is given, not when it is first called."""

from __future__ import annotations

import functools
import inspect
import logging
from typing import Any

from .errors import OptionError


def check_part(field: str, part: Any, interface: type, error: type[OptionError] = OptionError) -> None:
    """Check that an object implements an interface, such as `mtglib.Network`.

    A method must not be async where the interface's isn't: nothing would await it, and a coroutine counts as true, so
    an allowlist with an async `contains` would let everyone in. Nor may it be a plain function where the interface's
    answer is awaited, unless its annotation says that it returns something else, such as an Awaitable.

    Args:
        field: The part's name in an error.
        part: The object. Methods that its `__getattr__` provides count as well.
        interface: A protocol class.
        error: The class of the error to raise.

    Raises:
        OptionError: The part is None or a class, lacks a method, or has one that is async where the interface's isn't,
            or the other way round.
    """
    methods = sorted(name for name in dir(interface) if not name.startswith("_"))
    expected = f"an object with {', '.join(methods)}"
    if part is None or isinstance(part, type):
        raise error(field, f"{expected}, got {'None' if part is None else f'the class {part.__name__} itself'}")
    if missing := [method for method in methods if not callable(getattr(part, method, None))]:
        hint = " (wrap it: mtglib.logger.Standard(logger))" if isinstance(part, logging.Logger) else ""
        raise error(field, f"{expected}; {type(part).__name__} lacks {', '.join(missing)}{hint}")
    its = f"that of {type(part).__name__}"
    for method in methods:
        wanted, given = getattr(interface, method), getattr(part, method)
        if not must_be_awaited(wanted) and must_be_awaited(given):
            raise error(field, f"a plain function as {method}, but {its} has to be awaited")
        if _is_asked(wanted) and _answers_at_once(wanted, given):
            raise error(field, f"an `async def` as {method}, but {its} is a plain function")


def must_be_awaited(function: Any) -> bool:
    """Return whether a call only begins something, as calls of `async def` and of generators do."""
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    return any(kind(function) or kind(getattr(function, "__call__", None)) for kind in kinds)  # noqa: B004


def _is_asked(wanted: Any) -> bool:
    """Return whether an interface's method is awaited for its answer; if it has none, a plain function may do."""
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
