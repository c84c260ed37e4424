"""What was found, in lines and tables."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tools.censor.classifier import Judgement
from tools.censor.comparison import TIMES, Comparison, p_of_times, values
from tools.censor.downloads import Download, Downloads
from tools.censor.observation import Observation

_FIRST_RECORDS = 8


def print_comparison(console: Console, one: Comparison) -> None:
    """A line of progress, and what differs below it."""
    title = f"{one.key:4} {one.shape:10} {one.proxy:7} {len(one.at_proxy):4} tries"
    console.print(f"  {title}  {_verdict(one)}", soft_wrap=True)
    for aspect, difference in one.differences.items():
        console.print(f"      {aspect}: {escape(difference)}", soft_wrap=True)


def print_comparisons(console: Console, front: str, found: Sequence[Comparison]) -> None:
    """A line for each shape and proxy; where two values stand, the first one is the site's."""
    words = ("certificate", "hello", "proxy", "JA4S", "flight", "its records")
    numbers = ("ms after hello", "after connect", "p, visitors", "p, site", "delay adds")
    table = _table(f"{front}: medians of site, visitors and clients", words, numbers)
    table.add_column("")
    for one in found:
        table.add_row(
            one.key,
            one.shape,
            one.proxy,
            _both(one, _fingerprint),
            _both(one, _flight),
            _both(one, _records),
            *(" ".join(_median(seen, name) for seen in (one.at_site, one.of_visitors, one.at_proxy)) for name in TIMES),
            _chance(one.of_visitors, one.at_proxy),
            _chance(one.at_site, one.at_proxy),
            _added(one),
            _verdict(one),
        )
    console.print(table)


def print_downloads(console: Console, front: str, found: Sequence[Downloads]) -> None:
    """A line for each certificate and proxy."""
    words = ("certificate", "proxy", "sizes of the first records and the usual one", "different", "of", "best feature")
    table = _table(f"{front}: records of downloads, site and proxy", words, ("AUC",))
    for one in found:
        table.add_row(
            one.key,
            one.proxy,
            f"{_sizes(one.at_site)}\n{_sizes(one.at_proxy)}",
            f"{_different(one.at_site)}\n{_different(one.at_proxy)}",
            f"{len(one.at_site)}\n{len(one.at_proxy)}",
            f"sizes: {one.sizes.feature}\npauses: {one.pauses.feature}",
            f"{_auc(one.sizes)}\n{_auc(one.pauses)}",
        )
    console.print(table)


def _table(title: str, words: Sequence[str], numbers: Sequence[str]) -> Table:
    """Begin a table of columns with words, to the left, and then with numbers."""
    table = Table(title=title, title_justify="left")
    for heading in words:
        table.add_column(heading)
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def _verdict(one: Comparison) -> str:
    names = ", ".join(aspect.removesuffix("_bytes").removesuffix("_seconds") for aspect in one.differences)
    return f"[red]differs: {names}[/red]" if names else "[green]same[/green]"


def _both(one: Comparison, told: Callable[[Sequence[Observation]], str]) -> str:
    """What is told of the site and of the proxy, once if it is the same."""
    return "\n".join(dict.fromkeys((told(one.at_site), told(one.at_proxy))))


def _fingerprint(seen: Sequence[Observation]) -> str:
    return Counter(one.ja4s for one in seen).most_common(1)[0][0]


def _flight(seen: Sequence[Observation]) -> str:
    sizes = [one.flight_bytes for one in seen]
    return str(min(sizes)) if min(sizes) == max(sizes) else f"{min(sizes)}-{max(sizes)}"


def _records(seen: Sequence[Observation]) -> str:
    return " ".join(map(str, Counter(one.record_bytes for one in seen).most_common(1)[0][0]))


def _median(seen: Sequence[Observation], aspect: str) -> str:
    times = values(seen, aspect)
    return f"{statistics.median(times) * 1000:.2f}" if times else "-"


def _chance(some: Sequence[Observation], others: Sequence[Observation]) -> str:
    return f"{p_of_times(some, others):.2g}" if some else "-"


def _added(one: Comparison) -> str:
    """How much later a client's answer comes than from a proxy that doesn't delay it."""
    if not one.undelayed:
        return "-"
    delayed, undelayed = (statistics.median(values(seen, TIMES[0])) for seen in (one.at_proxy, one.undelayed))
    return f"{(delayed - undelayed) * 1000:.2f} ms"


def _sizes(downloads: Sequence[Download]) -> str:
    """The beginning of one download, and how much of all of them the most frequent size is."""
    counts = Counter(size for one in downloads for size in one.sizes)
    size, count = counts.most_common(1)[0]
    first = " ".join(map(str, downloads[0].sizes[:_FIRST_RECORDS]))
    return f"{first} ... ({count / counts.total():.0%} {size})"


def _different(downloads: Sequence[Download]) -> int:
    """How many downloads aren't the beginning of another one."""
    found = list[Sequence[int]]()
    for sizes in sorted((one.sizes for one in downloads), key=len, reverse=True):
        if not any(longer[: len(sizes)] == sizes for longer in found):
            found.append(sizes)
    return len(found)


def _auc(judgement: Judgement) -> str:
    return f"{judgement.auc:.2f} ± {judgement.error:.2f}"
