"""Tries: probes are sent to the site and to the proxies in turn, so that a disturbance affects all of them."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from support import sockets
from tools.probes.describe import describe
from tools.probes.finding import SITE, Finding
from tools.probes.judge import (
    SLACK_SECONDS,
    SLOW_TO_SHOW_SECONDS,
    Sample,
    are_no_strays,
    difference_of_outcomes,
    difference_of_times,
)
from tools.probes.probe import Probe, Surroundings, Visit

_AFTER_FIN_SECONDS = 0.15
"""How long to look for a RST after a FIN."""
_SECOND_LOOK_TRIES = 10
"""How often a variant is tried again, at least, if it differs: it was tried once."""
_MOST_SUSPECTS = 12
"""The most variants of a family that are tried again, evenly spaced: if more differ, it isn't chance."""
_DIAL_SAMPLES = 20
_MOST_AT_ONCE = 150


Samples = dict[str, list[Sample]]


class Runner:
    """Makes probes at ``ports`` (by name; one is the site) and judges them.

    Each is tried ``tries`` times; medians of times may differ by ``slack_seconds``; None: times aren't compared. For
    ``is_strict`` see `difference_of_outcomes`.
    """

    def __init__(
        self,
        shared: Surroundings,
        ports: dict[str, int],
        *,
        tries: int,
        slack_seconds: float | None = SLACK_SECONDS,
        is_strict: bool = True,
    ) -> None:
        self._shared = shared
        self._ports = ports
        self._tries = tries
        self._slack_seconds = slack_seconds
        self._is_strict = is_strict
        self._starting = asyncio.Lock()
        self._dial_seconds = 0.0

    async def measure_dial(self) -> float:
        """Measure how many seconds it takes to connect to the site: a proxy has to do that first."""
        times = []
        for _ in range(_DIAL_SAMPLES):
            start_mono = time.monotonic()
            sockets.close(await sockets.connect("127.0.0.1", self._ports[SITE]))
            times.append(time.monotonic() - start_mono)
        self._dial_seconds = statistics.median(times)
        return self._dial_seconds

    async def run(
        self, probes: Sequence[Probe], report: Callable[[Finding], None] = lambda _: None, *, titles_at_once: int = 1
    ) -> list[Finding]:
        """Make probes, of `at_once` titles at once; findings are reported as soon as they are known.

        Simultaneous runs are paced together, but don't wait for the end of each other's tries.
        """
        titles_places, places = asyncio.Semaphore(titles_at_once), asyncio.Semaphore(_MOST_AT_ONCE)

        async def run_title(title: str) -> list[Finding]:
            async with titles_places:
                findings = await self._run_title([probe for probe in probes if probe.title == title], places)
            for finding in findings:
                report(finding)
            return findings

        async with asyncio.TaskGroup() as group:
            titles = dict.fromkeys(probe.title for probe in probes)
            tasks = [group.create_task(run_title(title), name=title) for title in titles]
        return [finding for task in tasks for finding in task.result()]

    async def _run_title(self, variants: Sequence[Probe], places: asyncio.Semaphore) -> list[Finding]:
        is_family = variants[0].family is not None
        tries = 1 if is_family else min(self._tries, variants[0].most_tries)
        samples = await self._sample(variants, range(tries), places)
        suspects = [probe for probe in variants if self._differs(probe, samples[probe.name])]
        # Probes that differ are tried again, so that a varying site can show that it varies.
        again = max(tries, min(self._tries, _SECOND_LOOK_TRIES)) if is_family else tries
        suspects = suspects[:: -(-len(suspects) // _MOST_SUSPECTS) or 1]
        for name, more in (await self._sample(suspects, range(tries, tries + again), places)).items():
            for subject, taken in more.items():
                samples[name][subject] += taken
        # Differences so rare that they may be chance must come again in a new sample.
        rare = [probe for probe in suspects if self._has_only_strays(probe, samples[probe.name])]
        samples |= await self._sample(rare, range(tries + again, tries + 2 * again), places)
        return [self._finding(variants, samples, subject) for subject in self._ports if subject != SITE]

    def _finding(self, variants: Sequence[Probe], samples: dict[str, Samples], subject: str) -> Finding:
        finding = Finding(variants[0].title, variants[0].kind, subject)
        for probe in variants:
            of_site, of_proxy = samples[probe.name][SITE], samples[probe.name][subject]
            finding.site_samples += of_site
            finding.proxy_samples += of_proxy
            if difference := self._difference(of_site, of_proxy):
                finding.differences.append(f"{probe.name}: {difference}" if probe.family else difference)
        # If outcomes differ, times say nothing.
        if not finding.differences:
            finding.lateness = self._lateness(variants, finding.site_samples, finding.proxy_samples)
        return finding

    def _differs(self, probe: Probe, samples: Samples) -> bool:
        """Return whether a probe differs at any proxy; the times of variants are compared together, not here."""
        site = samples[SITE]
        return any(
            self._difference(site, sample) or (probe.family is None and self._lateness([probe], site, sample))
            for sample in samples.values()
        )

    def _has_only_strays(self, probe: Probe, samples: Samples) -> bool:
        """Return whether differences in bytes or endings are rare at all proxies that have them."""
        site = samples[SITE]
        differing = [one for one in samples.values() if self._difference(site, one)]
        return bool(differing) and not any(are_no_strays(site, one) for one in differing)

    def _difference(self, site: Sequence[Sample], proxy: Sequence[Sample]) -> str | None:
        """Describe the difference in bytes and endings; over a wire, how bytes arrive is never quite the same."""
        may_stray = self._shared.wire is not None
        return difference_of_outcomes(site, proxy, is_strict=self._is_strict, may_stray=may_stray)

    def _lateness(self, variants: Sequence[Probe], site: Sequence[Sample], proxy: Sequence[Sample]) -> str | None:
        """Describe the times that differ; None if none do, or if they aren't compared."""
        if self._slack_seconds is None:
            return None
        is_slow_to_show = any(probe.is_slow_to_show for probe in variants)
        allowed_seconds = SLOW_TO_SHOW_SECONDS + self._dial_seconds if is_slow_to_show else 0.0
        return difference_of_times(site, proxy, allowed_seconds, self._slack_seconds)

    async def _sample(self, probes: Sequence[Probe], numbers: range, places: asyncio.Semaphore) -> dict[str, Samples]:
        tasks: dict[tuple[str, str, int], asyncio.Task[Sample]] = {}
        async with asyncio.TaskGroup() as group:
            for number in numbers:
                for probe in probes:
                    for subject in rotated(list(self._ports), number):
                        async with self._starting:
                            await asyncio.sleep(probe.space_seconds)
                        await places.acquire()
                        task = group.create_task(self._try(probe, subject, number), name=probe.name)
                        task.add_done_callback(lambda _: places.release())
                        tasks[probe.name, subject, number] = task
        return {
            probe.name: {
                subject: [tasks[probe.name, subject, number].result() for number in numbers] for subject in self._ports
            }
            for probe in probes
        }

    async def _try(self, probe: Probe, subject: str, number: int) -> Sample:
        visit = Visit(self._shared, self._ports[subject], probe.name, number, probe.watch_seconds)
        try:
            # Some scripts wait before they connect; the limit is for scripts that never end.
            with suppress(TimeoutError):
                async with asyncio.timeout(probe.watch_seconds + 20):
                    await probe.script(visit)
            connection = visit.connection
            if await connection.ended(probe.watch_seconds - connection.elapsed_seconds):
                await connection.ended(_AFTER_FIN_SECONDS, by_reset=True)
            said = describe(bytes(connection.data)) if visit.told is None else visit.told
            ending = "+".join(what for what, _ in connection.endings) or "open"
            end_seconds, reset_seconds = ([seconds for _, seconds in connection.endings] + [None, None])[:2]
            return Sample(said, ending, connection.first_byte_seconds, end_seconds, reset_seconds)
        finally:
            if hasattr(visit, "connection"):
                visit.connection.close()


def rotated(names: list[str], by: int) -> list[str]:
    """Rotate the names, so that none is always the first."""
    start = by % len(names)
    return names[start:] + names[:start]
