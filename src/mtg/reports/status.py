"""What `GET /v1/status` answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from mtg.reports.cells import BAD, DIM, cell, facts
from mtg.reports.units import ago, duration, moment, size

_NEARLY_FULL = 0.9


def status_report(status: dict[str, Any]) -> Table:
    """Return all of it, a fact a line."""
    return facts(_facts(status))


def fill(limit: dict[str, Any]) -> Text:
    """Return how full a limit is; in red where there is hardly any room."""
    now, most = limit["now"], limit["most"]
    return cell(f"{now} of {most}", BAD if most and now >= most * _NEARLY_FULL else "")


def health(seen_unix: float | None, failed_unix: float | None, seen: str) -> Text:
    """Return how something was seen last: that it answered, or that it failed since."""
    if failed_unix is not None and failed_unix > (seen_unix or 0):
        return cell(f"failed {ago(failed_unix)}; {seen} {ago(seen_unix)}", BAD)
    return cell(f"{seen} {ago(seen_unix)}", "" if seen_unix else DIM)


def _facts(status: dict[str, Any]) -> Iterator[tuple[str, Text]]:
    yield "mtg", cell(f"{status['version']}, engine {status['engine']}, Python {status['python']}")
    yield "phase", cell(status["phase"])
    yield "started", cell(f"{duration(status['uptime_seconds'])} ago, {moment(status['started_unix'])}")
    yield "configuration", cell(status["config"])
    yield "listens on", cell(", ".join(status["listeners"]))
    yield "clients", cell(status["clients"])
    for key, name in (("connections", "connections"), ("visitors", "visitors"), ("open_files", "open files")):
        yield name, fill(status["limits"][key])
    yield "memory", cell("unknown" if status["memory_bytes"] is None else size(status["memory_bytes"]))
    yield from _front(status["front"])
    for dc in status["dcs"]:
        yield f"DC {dc['dc']}", _dc(dc)
    for ip_list in status["lists"]:
        yield from _ip_list(ip_list)
    if status["events_dropped"]:
        yield "lost events", cell(f"{status['events_dropped']}: counts are too low", BAD)
    if status["last_reload"] is not None:
        yield from _last_reload(status["last_reload"])


def _front(front: dict[str, Any]) -> Iterator[tuple[str, Text]]:
    seen = health(front["answered_unix"], front["failed_unix"], "answered")
    yield "site", cell(f"{front['address']}, ").append_text(seen)
    for learnt in front["learnt"]:
        size_text = f"{learnt['answer_bytes']} bytes"
        yield "", cell(f"answer of {learnt['host']} learnt {ago(learnt['learnt_unix'])}: {size_text}", DIM)


def _dc(dc: dict[str, Any]) -> Text:
    took = "" if dc["dial_seconds"] is None else f" in {duration(dc['dial_seconds'])}"
    return health(dc["connected_unix"], dc["failed_unix"], "connected").append_text(cell(took))


def _ip_list(ip_list: dict[str, Any]) -> Iterator[tuple[str, Text]]:
    yield ip_list["name"], cell(f"{ip_list['prefixes']} prefixes")
    for source in ip_list["sources"]:
        broken = f", {source['broken_lines']} broken lines" if source["broken_lines"] else ""
        yield "", cell(f"{source['label']}: {source['prefixes']} prefixes{broken}", DIM)
        if source["problem"]:
            yield "", cell(f"{source['label']}: {source['problem']}", BAD)


def _last_reload(reload: dict[str, Any]) -> Iterator[tuple[str, Text]]:
    what = "applied" if reload["is_applied"] else "refused"
    yield "last reload", cell(f"{ago(reload['at_unix'])}: {what}", "" if reload["is_applied"] else BAD)
    for problem in reload["problems"]:
        yield "", cell(problem, BAD)
