"""Prometheus' text format 0.0.4.

Written by hand, since prometheus-client adds `_total` to the names of counters, and mtg's have none.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from .histogram import BOUNDS_SECONDS, Histogram
from .metrics import Labels

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_BOUNDS = (*(repr(bound) for bound in BOUNDS_SECONDS), "+Inf")
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})


def family(
    name: str, kind: str, text: str, label_names: Labels, series: Iterable[tuple[Labels, float]]
) -> Iterator[str]:
    """Yield the lines of a metric, each with its newline."""
    yield _head(name, kind, text)
    for labels, value in series:
        yield f"{name}{_braces(label_names, labels)} {value}\n"


def histogram_family(
    name: str, text: str, label_names: Labels, histograms: Mapping[Labels, Histogram]
) -> Iterator[str]:
    """Yield the lines of a histogram, each with its newline."""
    yield _head(name, "histogram", text)
    for labels, histogram in histograms.items():
        totals = histogram.cumulative()
        for bound, total in zip(_BOUNDS, totals, strict=True):
            yield f"{name}_bucket{_braces((*label_names, 'le'), (*labels, bound))} {total}\n"
        braces = _braces(label_names, labels)
        yield f"{name}_sum{braces} {histogram.sum_seconds}\n{name}_count{braces} {totals[-1]}\n"


def _head(name: str, kind: str, text: str) -> str:
    return f"# HELP {name} {text.translate(_IN_HELP)}\n# TYPE {name} {kind}\n"


def _braces(names: Labels, values: Labels) -> str:
    if not names:
        return ""
    pairs = (f'{name}="{value.translate(_IN_LABEL)}"' for name, value in zip(names, values, strict=True))
    return "{" + ",".join(pairs) + "}"
