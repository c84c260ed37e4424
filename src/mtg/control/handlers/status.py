"""`GET /v1/status`: what the program is and how it does."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator

import mtg
import mtglib
from mtg.control.reloading import last_reload
from mtg.control.route import Call, Route
from mtg.control.schemas import DCReport, Fill, FrontReport, IPList, LimitsReport, ListSource, SiteAnswer, StatusReport
from mtglib.stats import process_samples


def _absolute(path: str) -> str:
    """Return a path that means the same in other processes."""
    return os.path.abspath(path)


async def _status(call: Call) -> StatusReport:
    program = call.program
    status, parts, proxy = program.status(), program.parts, program.proxy
    process = _process()
    return StatusReport(
        version=mtg.__version__,
        python=platform.python_version(),
        engine=proxy.relay_engine,
        phase=str(status.phase),
        started_unix=status.since_unix,
        uptime_seconds=max(0.0, time.time() - status.since_unix),
        config=_absolute(parts.source),
        listeners=tuple(status.listens),
        clients=proxy.clients,
        limits=LimitsReport(
            connections=Fill(now=proxy.clients + proxy.visitors, most=parts.options.concurrency),
            visitors=Fill(
                now=proxy.visitors, most=parts.options.max_visitors or max(1, parts.options.concurrency // 2)
            ),
            open_files=Fill(now=process.get("process_open_fds", 0), most=process["process_max_fds"]),
        ),
        memory_bytes=process.get("process_resident_memory_bytes"),
        lists=tuple(_lists(call)),
        dcs=tuple(_dcs(call)),
        front=_front(call),
        events_dropped=status.events_dropped,
        last_reload=last_reload(program),
    )


def _process() -> dict[str, int]:
    values = {name: sample() for name, sample in process_samples().items()}
    return {name: int(value) for name, value in values.items() if isinstance(value, int | float)}


def _lists(call: Call) -> Iterator[IPList]:
    parts = call.program.parts
    for ip_list, _ in parts.ip_lists:
        yield IPList(
            name="blocklist" if ip_list is parts.options.ip_blocklist else "allowlist",
            prefixes=ip_list.size,
            sources=tuple(
                ListSource(
                    label=source.label,
                    prefixes=source.prefixes,
                    broken_lines=source.broken_lines,
                    problem=source.problem,
                )
                for source in ip_list.sources
            ),
        )


def _dcs(call: Call) -> Iterator[DCReport]:
    observed = call.program.parts.observed
    assert observed is not None
    for number, dc in sorted(observed.dcs.items()):
        yield DCReport(
            dc=number,
            connected_unix=dc.connected_unix or None,
            failed_unix=dc.failed_unix or None,
            dial_seconds=dc.dial_seconds if dc.connected_unix else None,
        )


def _front(call: Call) -> FrontReport:
    observed, proxy = call.program.parts.observed, call.program.proxy
    assert observed is not None
    return FrontReport(
        address=mtglib.host_and_port(*proxy.domain_fronting_address),
        answered_unix=observed.front.answered_unix or None,
        failed_unix=observed.front.failed_unix or None,
        learnt=tuple(
            SiteAnswer(host=one.host, learnt_unix=one.learnt_unix, answer_bytes=one.answer_bytes)
            for one in proxy.front_answers
        ),
    )


ROUTES = (
    Route(
        method="GET",
        path="/v1/status",
        summary="What the program is, and how it does",
        handler=_status,
        answer=StatusReport,
    ),
)
