"""Tries: probes are sent to the site and to the proxies in turn, so that what disturbs one disturbs all."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from support import sockets
from tools.probes.describe import describe
from tools.probes.judge import (
    SLOW_TO_SHOW_SECONDS,
    Sample,
    difference_of_outcomes,
    difference_of_times,
)
from tools.probes.probe import Probe, Surroundings, Visit

SITE = "site"
_AFTER_FIN_SECONDS = 0.15
"""How long to look for a RST behind a FIN."""
_SECOND_LOOK_TRIES = 10
"""How often a variant is tried again at least when it differs: it was tried once."""
_DIAL_SAMPLES = 20


@dataclass
class Finding:
    """A probe, or a family of them, at the site and at one proxy."""

    title: str
    kind: str
    proxy: str
    site_samples: list[Sample] = field(default_factory=list)
    proxy_samples: list[Sample] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)


Samples = dict[str, list[Sample]]


class Runner:
    """Makes probes at ``ports`` (by name; one is the site) and judges them."""

    def __init__(
        self, shared: Surroundings, ports: dict[str, int], *, tries: int, most_at_once: int = 60, with_times: bool = True
    ) -> None:
        self._shared = shared
        self._ports = ports
        self._tries = tries
        self._with_times = with_times
        self._places = asyncio.Semaphore(most_at_once)
        self._dial_seconds = 0.0

    async def measure_dial(self) -> float:
        """Measure what it takes to connect to the site, in seconds: a proxy has to do that first."""
        times = []
        for _ in range(_DIAL_SAMPLES):
            start_mono = time.monotonic()
            sockets.close(await sockets.connect("127.0.0.1", self._ports[SITE]))
            times.append(time.monotonic() - start_mono)
        self._dial_seconds = statistics.median(times)
        return self._dial_seconds

    async def run(self, probes: Sequence[Probe], report: Callable[[Finding], None]) -> list[Finding]:
        """Make probes of one title, or several; each title's findings are reported as soon as it is done."""
        findings: list[Finding] = []
        for title in dict.fromkeys(probe.title for probe in probes):
            for finding in await self._run_title([probe for probe in probes if probe.title == title]):
                findings.append(finding)
                report(finding)
        return findings

    async def _run_title(self, variants: Sequence[Probe]) -> list[Finding]:
        is_family = variants[0].family is not None
        tries = 1 if is_family else min(self._tries, variants[0].most_tries)
        samples = await self._sample(variants, range(tries))
        suspects = [probe for probe in variants if self._differs(probe, samples[probe.name])]
        if suspects:
            again = max(tries, min(self._tries, _SECOND_LOOK_TRIES)) if is_family else tries
            for name, more in (await self._sample(suspects, range(tries, tries + again))).items():
                for subject, taken in more.items():
                    samples[name][subject] += taken
        return [self._finding(variants, samples, subject) for subject in self._ports if subject != SITE]

    def _finding(self, variants: Sequence[Probe], samples: dict[str, Samples], subject: str) -> Finding:
        finding = Finding(variants[0].title, variants[0].kind, subject)
        for probe in variants:
            of_site, of_proxy = samples[probe.name][SITE], samples[probe.name][subject]
            finding.site_samples += of_site
            finding.proxy_samples += of_proxy
            if difference := difference_of_outcomes(of_site, of_proxy):
                finding.differences.append(f"{probe.name}: {difference}" if probe.family else difference)
        # Times of variants are compared together, as each has few; those of a probe that differs say nothing.
        if self._with_times and not finding.differences:
            allowed_seconds = self._allowed_seconds(variants)
            difference = difference_of_times(finding.site_samples, finding.proxy_samples, allowed_seconds)
            finding.differences += [difference] if difference else []
        return finding

    def _differs(self, probe: Probe, samples: Samples) -> bool:
        site = samples[SITE]
        for subject, sample in samples.items():
            if difference_of_outcomes(site, sample):
                return True
            if self._with_times and difference_of_times(site, sample, self._allowed_seconds([probe])):
                return True
        return False

    def _allowed_seconds(self, variants: Sequence[Probe]) -> float:
        if any(probe.is_slow_to_show for probe in variants):
            return SLOW_TO_SHOW_SECONDS + self._dial_seconds
        return 0.0

    async def _sample(self, probes: Sequence[Probe], numbers: range) -> dict[str, Samples]:
        tasks: dict[tuple[str, str, int], asyncio.Task[Sample]] = {}
        async with asyncio.TaskGroup() as group:
            for number in numbers:
                for probe in probes:
                    for subject in _rotated(list(self._ports), number):
                        await self._places.acquire()
                        task = group.create_task(self._try(probe, subject, number), name=probe.name)
                        task.add_done_callback(lambda _: self._places.release())
                        tasks[probe.name, subject, number] = task
                        await asyncio.sleep(probe.space_seconds)
        return {
            probe.name: {
                subject: [tasks[probe.name, subject, number].result() for number in numbers] for subject in self._ports
            }
            for probe in probes
        }

    async def _try(self, probe: Probe, subject: str, number: int) -> Sample:
        visit = Visit(self._shared, self._ports[subject], probe.name, number, probe.watch_seconds)
        try:
            # Some scripts wait before they connect; the limit is for those that never come back.
            with suppress(TimeoutError):
                async with asyncio.timeout(probe.watch_seconds + 20):
                    await probe.script(visit)
            connection = visit.connection
            if await connection.ended(probe.watch_seconds - connection.elapsed_seconds):
                await connection.ended(_AFTER_FIN_SECONDS, by_reset=True)
            said = describe(bytes(connection.data)) if visit.told is None else visit.told
            outcome = " | ".join([said, *(what for what, _ in connection.endings)])
            end_seconds = connection.endings[0][1] if connection.endings else None
            return Sample(outcome if connection.endings else f"{said} | open", connection.first_byte_seconds, end_seconds)
        finally:
            if hasattr(visit, "connection"):
                visit.connection.close()


def _rotated(names: list[str], by: int) -> list[str]:
    """So that none is always the first."""
    start = by % len(names)
    return names[start:] + names[:start]
