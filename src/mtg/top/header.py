"""The lines above the lists: how the proxy does as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from mtg.reports.cells import BAD, cell, printable
from mtg.reports.status import fill
from mtg.reports.units import age, duration, size
from mtg.top.picture import Picture


def header_lines(picture: Picture, endings: Counter[str], problem: str, lost_events: int) -> Iterator[Text]:
    """Yield five lines, and more for what there isn't always."""
    status = picture.status
    yield _title(status)
    yield _fills(status)
    yield _joined(
        ("memory", cell("?" if status["memory_bytes"] is None else size(status["memory_bytes"]))),
        ("up", cell(f"{size(picture.flow.up_bytes_per_second)}/s")),
        ("down", cell(f"{size(picture.flow.down_bytes_per_second)}/s")),
    )
    yield _health(status, picture.taken_unix)
    if status["lists"]:
        yield _joined(*((one["name"], _ip_list(one)) for one in status["lists"]))
    yield _endings(endings, lost_events)
    if problem:
        yield Text(printable(problem), f"bold {BAD}")


def _title(status: Mapping[str, Any]) -> Text:
    phase = "" if status["phase"] == "running" else f"  {status['phase']}"
    engine = status["engine"].partition(" ")[0]
    title = f"mtg {status['version']} ({engine}){phase}  up {duration(status['uptime_seconds'])}  {status['config']}"
    return Text(printable(title), "bold")


def _fills(status: Mapping[str, Any]) -> Text:
    limits = status["limits"]
    return _joined(
        ("clients", cell(status["clients"])),
        ("connections", fill(limits["connections"])),
        ("visitors", fill(limits["visitors"])),
        ("files", fill(limits["open_files"])),
    )


def _health(status: Mapping[str, Any], now_unix: float) -> Text:
    return _joined(*((f"DC {dc['dc']}", _dc(dc, now_unix)) for dc in status["dcs"]), ("site", _site(status["front"])))


def _dc(dc: Mapping[str, Any], now_unix: float) -> Text:
    """How long it takes to reach it, or since when it can't be reached."""
    failed, connected = dc["failed_unix"], dc["connected_unix"]
    if failed is not None and failed > (connected or 0):
        return cell(f"failed {age(now_unix - failed)} ago", BAD)
    return cell("-" if dc["dial_seconds"] is None else duration(dc["dial_seconds"]))


def _site(front: Mapping[str, Any]) -> Text:
    failed, answered = front["failed_unix"], front["answered_unix"]
    if failed is not None and failed > (answered or 0):
        return cell(f"{front['address']} failed", BAD)
    return cell(front["address"])


def _ip_list(ip_list: Mapping[str, Any]) -> Text:
    problems = sum(1 for source in ip_list["sources"] if source["problem"])
    told = "" if not problems else f" ({problems} {'source' if problems == 1 else 'sources'} with a problem)"
    return cell(f"{ip_list['prefixes']} prefixes{told}", BAD if problems else "")


def _endings(endings: Counter[str], lost_events: int) -> Text:
    """The reasons since `mtg top` was started, the most frequent first."""
    counts = [(reason, cell(count)) for reason, count in endings.most_common()]
    if lost_events:
        counts.append(("not counted", cell(lost_events, BAD)))
    return _joined(("endings", cell(endings.total(), "bold")), *counts)


def _joined(*pairs: tuple[str, Text]) -> Text:
    line = Text()
    for name, value in pairs:
        line.append(f"{printable(name)} ", "dim").append_text(value).append("   ")
    return line
