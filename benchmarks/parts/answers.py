"""What it costs to answer as the site does, and when it does."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from benchmarks.folder import bench_folder
from benchmarks.parts.interleaved import interleaved
from benchmarks.parts.line import Line
from benchmarks.peers.answers import Answered, serve_tls, timed_answers, timed_visits
from benchmarks.peers.dc import running_dc
from benchmarks.peers.errors import RelayError
from benchmarks.peers.faketls import CHANGE_CIPHER_SPEC, Secret
from benchmarks.rows.connection import CONNECTION_WITHOUT_ML_KEM
from benchmarks.rows.row import Load
from benchmarks.sizes import FULL, QUICK
from benchmarks.subjects.ours import DEFAULT_COMMAND, FRONTED_HOST, running_ours
from benchmarks.subjects.process import ProxyProcess, free_port

# The site chooses X25519 in any case. With hellos that offer ML-KEM, learning would save its cost.
_ROW = CONNECTION_WITHOUT_ML_KEM
_RUNS = 9
_SIZES = replace(FULL, connections=2 * FULL.connections)
_TIMED = 200  # more visits than a proxy remembers the times of
_QUICK_TIMED = 10  # fewer than 8 visits say nothing
_LEARN_TIMEOUT_SECONDS = 20.0
_POLL_SECONDS = 0.05

_SETTINGS = {
    "nothing learnt": "enabled = false",
    "learnt, without a delay": 'answer-delay = "off"',
    "learnt, with the site's delay": 'answer-delay = "front"',
}
_METRICS = '[stats.prometheus]\nenabled = true\nbind-to = "127.0.0.1:{port}"\n'


@dataclass(frozen=True)
class _Subject:
    process: ProxyProcess
    secret: Secret
    metrics_port: int
    learns: bool

    def answers(self, load: Load, count: int) -> list[Answered]:
        """Be clients; raise unless they are answered as they should be."""
        answered = load(timed_answers, self.process.address.port, self.secret, count)
        sizes = {each.size_bytes - len(CHANGE_CIPHER_SPEC) for each in answered}
        if self.learns and sizes != {self.learnt_bytes()}:
            raise RelayError(f"the site's answer has {self.learnt_bytes()} bytes, clients got {sorted(sizes)}")
        if not self.learns and len(sizes) == 1:
            raise RelayError("all answers have the same length, though nothing was to be learnt")
        return answered

    def learnt_bytes(self) -> int | None:
        """The length of the site's answer; None as long as it isn't known."""
        with urlopen(f"http://127.0.0.1:{self.metrics_port}/") as page:
            found = re.search(r"^mtg_front_answer_bytes\S* (\S+)$", page.read().decode(), re.MULTILINE)
        return int(float(found[1])) if found else None


def measure_answers(quick: bool) -> Iterator[Line]:
    """Medians of interleaved runs; then, with one connection after another, how long hellos wait."""
    runs, sizes, timed = (1, QUICK, _QUICK_TIMED) if quick else (_RUNS, _SIZES, _TIMED)
    with ExitStack() as stack:
        load = stack.enter_context(Load())
        folder = stack.enter_context(bench_folder())
        dc = stack.enter_context(running_dc(_ROW.serve))
        site = stack.enter_context(running_dc(partial(serve_tls, FRONTED_HOST)))
        subjects = [_start(stack, folder, dc.port, site.port, setting) for setting in _SETTINGS.values()]
        visits_ms = _teach(subjects, load, site.port, visits=timed)

        values = interleaved(_ROW, [subject.process for subject in subjects], load, sizes, runs)
        waits_ms: list[list[float]] = [[] for _ in subjects]
        for _ in range(runs):
            for subject, wait_ms in zip(subjects, waits_ms, strict=True):
                wait_ms += [each.seconds * 1e3 for each in subject.answers(load, timed)]
        dc.check()

    for index, name in enumerate(_SETTINGS):
        yield Line(f"{_ROW.title}, {name}", statistics.median(value[index] for value in values), _ROW.unit)
        if index:
            more = statistics.median(value[index] - value[0] for value in values)
            yield Line("  more than with nothing learnt", more, _ROW.unit)
    for name, wait_ms in zip(_SETTINGS, waits_ms, strict=True):
        yield Line(f"from hello to answer, {name}", statistics.median(wait_ms), "ms")
    yield Line("  what the delay adds", statistics.median(waits_ms[2]) - statistics.median(waits_ms[1]), "ms")
    yield Line("from hello to answer, a visitor whom the site answers", statistics.median(visits_ms), "ms")


def _start(stack: ExitStack, folder: Path, dc_port: int, site_port: int, setting: str) -> _Subject:
    metrics_port = free_port()
    more = f"[defense.front-learning]\n{setting}\n{_METRICS.format(port=metrics_port)}"
    running = running_ours(DEFAULT_COMMAND, True, folder, dc_port, site_port=site_port, more_settings=more)
    process = stack.enter_context(running)
    if process.address.secret is None:
        raise RuntimeError("our proxy has no secret")
    secret = process.address.secret._replace(offers_ml_kem=False)
    return _Subject(process, secret, metrics_port, "false" not in setting)


def _teach(subjects: list[_Subject], load: Load, site_port: int, visits: int) -> list[float]:
    """Wait until the site's answer is known, and then its times from visitors; return how long those waited, in ms."""
    load(timed_visits, site_port, subjects[0].secret, 1)  # by then it has made its certificate
    taken: list[float] = []
    for subject in subjects:
        if subject.learns:
            port = subject.process.address.port
            load(timed_answers, port, subject.secret, 1)
            _wait_until_learnt(subject)
            taken += load(timed_visits, port, subject.secret, visits)
    return [seconds * 1e3 for seconds in taken]


def _wait_until_learnt(subject: _Subject) -> None:
    deadline_mono = time.monotonic() + _LEARN_TIMEOUT_SECONDS
    while subject.learnt_bytes() is None:
        if time.monotonic() > deadline_mono:
            raise RelayError(f"the proxy hasn't learnt its site's answer within {_LEARN_TIMEOUT_SECONDS:g} s")
        time.sleep(_POLL_SECONDS)
