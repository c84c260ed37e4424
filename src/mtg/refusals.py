"""Reports options that parts reject, by the configuration's keys, and all of them at once."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar

import mtglib
from mtg.config import Loaded

T = TypeVar("T")

_ELEMENT = re.compile(r"(\w+)\[([0-9]+)\]")
_ABOVE_0 = re.compile(r"seconds above 0, up to ([0-9.]+)")
_FROM_TO = re.compile(r"seconds from ([0-9.]+) to ([0-9.]+)")


class Refusals:
    """Makes parts, and collects a line for each value that a part rejects.

    Args:
        loaded: The configuration that the values are from.

    Attributes:
        lines: As `Loaded.problems`.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded
        self.lines: list[str] = []

    def make(self, part: partial[T], keys: Mapping[str, str]) -> T | None:
        """Make a part without the options it rejects, so that all are reported; None if one is mandatory.

        Args:
            part: The part and its options, by name.
            keys: The configuration's key of each option that has one; likewise of what the part needs besides options.

        Raises:
            mtglib.OptionError: A rejected option has no key: it isn't the user's fault.
        """
        options = dict(part.keywords)
        places: dict[str, list[int]] = {}
        while True:
            try:
                return part.func(*part.args, **options)
            except mtglib.OptionError as error:
                element = _ELEMENT.fullmatch(error.field)
                option = element[1] if element else error.field
                if option not in keys:
                    raise
                if element:
                    own = places.setdefault(option, list(range(len(options[option]))))
                    place = int(element[2])
                    self._add(f"{keys[option]}[{own.pop(place)}]", error)
                    options[option] = [*options[option][:place], *options[option][place + 1 :]]
                    if options[option]:
                        continue
                else:
                    self._add(keys[option], error)
                if option not in options or _is_needed(part, option):
                    return None
                del options[option]

    def _add(self, key: str, error: mtglib.OptionError) -> None:
        if self._loaded.is_refused(key):
            return
        expected = error.expected
        if error.field.endswith("_bytes"):
            expected = f"{expected.replace('a whole number', 'a size')} bytes"
        expected = _ABOVE_0.sub(
            r'a duration above 0s, up to "\1s"', _FROM_TO.sub(r'a duration from "\1s" to "\2s"', expected)
        )
        line = self._loaded.problem(key, expected)
        if line not in self.lines:  # two parts may refuse the same value
            self.lines.append(line)


def _is_needed(part: partial[Any], option: str) -> bool:
    return inspect.signature(part.func).parameters[option].default is inspect.Parameter.empty
