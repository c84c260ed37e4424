"""Sampled metrics: they aren't counted from events, so a function is called whenever they are exported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from ..errors import OptionError
from ..ground.checks import check_function, is_number
from .metrics import SAMPLED, Labels, Metric

Sample: TypeAlias = Callable[[], float | Mapping[Labels, float]]
"""Returns a metric's value or, with labels, a mapping from label values to values. An empty mapping: no values now."""

_METRICS = {metric.name: metric for metric in SAMPLED}


class Samples:
    """The functions of sampled metrics. Metrics without a function aren't exported."""

    def __init__(self) -> None:
        self._functions: dict[str, Sample] = {}

    def set(self, name: str, function: Sample) -> None:
        """Register a function for a metric of `metrics.SAMPLED`, replacing an earlier one.

        Raises:
            OptionError: There is no such metric, or `function` isn't a plain function.
        """
        if name not in _METRICS:
            raise OptionError("name", f"one of {', '.join(_METRICS)}", name)
        check_function("function", function, "a number, or numbers by label values")
        self._functions[name] = function

    def __iter__(self) -> Iterator[Metric]:
        """The metrics with a function, in the order of the table."""
        return (metric for metric in SAMPLED if metric.name in self._functions)

    def read(self, metric: Metric) -> list[tuple[Labels, float]]:
        """Return the series of a metric; raises what its function raises, and TypeError for an invalid value."""
        found: Any = self._functions[metric.name]()
        series: list[tuple[Labels, float]] = list(found.items()) if isinstance(found, Mapping) else [((), found)]
        for labels, value in series:
            if not is_number(value) or len(labels) != len(metric.labels):
                raise TypeError(f"{metric.name}: expected a finite number, with a value for each label, got {found!r}")
        return series
