"""Whether an object can be a part: looked at when it is given, not when it is first called."""

import inspect
from typing import Any

from .errors import OptionError


def check_part(field: str, part: Any, interface: type, error: type[OptionError] = OptionError) -> None:
    """Want an object with all methods of an interface, such as `mtglib.Network`; for whoever takes parts of others.

    A method that has to be awaited isn't one that is just called: nobody would wait for it, and a coroutine counts as
    true, so that such an allowlist would let everybody in.

    Args:
        field: What to call the part in an error.
        part: The object. What its `__getattr__` answers counts as well.
        interface: A protocol.
        error: What to raise.

    Raises:
        OptionError: It is None, a class, lacks a method or has one that has to be awaited.
    """
    methods = sorted(name for name in dir(interface) if not name.startswith("_"))
    expected = f"an object with {', '.join(methods)}"
    if part is None or isinstance(part, type):
        raise error(field, f"{expected}, got {'None' if part is None else f'the class {part.__name__} itself'}")
    if missing := [method for method in methods if not callable(getattr(part, method, None))]:
        raise error(field, f"{expected}; {type(part).__name__} lacks {', '.join(missing)}")
    for method in methods:
        if not must_be_awaited(getattr(interface, method)) and must_be_awaited(getattr(part, method)):
            raise error(field, f"a plain function as {method}, but that of {type(part).__name__} has to be awaited")


def must_be_awaited(function: Any) -> bool:
    """Tell whether a call only begins something, as calls of `async def` and of generators do."""
    kinds = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
    return any(kind(function) or kind(getattr(function, "__call__", None)) for kind in kinds)  # noqa: B004
