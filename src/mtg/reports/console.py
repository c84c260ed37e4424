"""Prints a report to stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.segment import Segment
from rich.text import Text

_LEAST_COLUMNS = 80
_MOST_COLUMNS = 10_000


def print_report(report: RenderableType) -> None:
    """Print it as wide as it is: a terminal wraps what is wider, and a pipe needs no cutting."""
    console = Console(file=sys.stdout, highlight=False)
    most = console.options.update(width=_MOST_COLUMNS, max_width=_MOST_COLUMNS)
    console.width = max(_LEAST_COLUMNS, Measurement.get(console, most, report).maximum)
    lines = console.render_lines(report, pad=False)
    for line in lines:
        console.print(_without_end(line), soft_wrap=True)


def _without_end(line: Sequence[Segment]) -> Text:
    """Return a line without the spaces that columns end with."""
    text = Text.assemble(*((segment.text, segment.style or "") for segment in line))
    text.rstrip()
    return text
