"""Measures a row: starts the proxies, warms them up, measures them in turn, compares them within each run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.markup import escape

from benchmarks.isolation import PUBLIC_DC
from benchmarks.peers.dc import FakeDC, running_dc
from benchmarks.peers.errors import MEASURING_ERRORS, RelayError
from benchmarks.profiler import Profiler
from benchmarks.rows.row import Load, Measurement, Row
from benchmarks.sizes import QUICK, Sizes
from benchmarks.subjects.haproxy import COPYING, SPLICING, running_haproxy
from benchmarks.subjects.others import OTHERS
from benchmarks.subjects.ours import running_ours
from benchmarks.subjects.process import ProxyProcess

OURS = "ours"
_HAPROXY = "haproxy "  # before the name of a splicing variant


@dataclass
class Result:
    """A row's measurements: for each run, one of every subject (by name)."""

    row: Row
    runs: list[dict[str, Measurement]] = field(default_factory=list)
    error: str | None = None

    @property
    def ours(self) -> float | None:
        """The median over the runs."""
        return _median([run[OURS].value for run in self.runs])

    @property
    def haproxy(self) -> float | None:
        """The median over the runs of haproxy's best variant; None without haproxy."""
        return min(self._medians(SPLICING), default=(None, ""))[0]

    def haproxy_variant(self, splicing: str) -> float | None:
        """The median over the runs of one variant; None if it wasn't measured."""
        name = _HAPROXY + splicing
        return _median([run[name].value for run in self.runs if name in run])

    def ratios(self, variants: Collection[str] = tuple(SPLICING), proxy: str = OURS) -> list[float]:
        """A proxy's value by the best of haproxy's variants, within each run: what disturbs one disturbs both.

        The best is the one with the lowest median: the best of each run would be the luckiest one.
        """
        medians = self._medians(variants)
        name = min(medians)[1] if medians else ""
        return [run[proxy].value / run[name].value for run in self.runs if name in run]

    @property
    def ratio(self) -> float | None:
        """The median of the runs' ratios."""
        return _median(self.ratios())

    @property
    def ratio_to_copying(self) -> float | None:
        """The same for haproxy's variants that touch every byte, as a proxy that encrypts has to."""
        return _median(self.ratios(COPYING))

    def other(self, name: str) -> tuple[float | None, float | None]:
        """Another proxy's median over the runs, and its ratio to haproxy's variants that touch every byte."""
        return _median([run[name].value for run in self.runs]), _median(self.ratios(COPYING, name))

    def _medians(self, variants: Collection[str]) -> list[tuple[float, str]]:
        """The median and the name of each variant that was measured."""
        names = [_HAPROXY + variant for variant in variants]
        return [
            (statistics.median(values), name)
            for name in names
            if (values := [run[name].value for run in self.runs if name in run])
        ]

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None without a target or without a value to compare with it."""
        value = self.ratio if self.row.target_kind == "ratio" else self.ours
        return None if self.row.target is None or value is None else value <= self.row.target


@dataclass
class _Subject:
    """A proxy that is running beside a DC."""

    name: str
    proxy: ProxyProcess
    dc: FakeDC


@dataclass
class Runner:
    """Measures rows, one after another."""

    load: Load
    folder: Path  # for configurations and logs
    sizes: Sizes
    runs: int
    command: str
    splicing: Sequence[str]  # haproxy's variants; none where it isn't installed
    others: Mapping[str, str]  # other proxies' programs
    say: Callable[[str], None]
    profiler: Profiler | None

    def measure(self, row: Row) -> Result:
        """Measure a row; an error ends the row and is in its result."""
        result = Result(row)
        self.say(f"[bold]{row.title}[/bold] ({row.key}, {row.unit})")
        try:
            if row.fresh_process:
                self._measure_fresh(row, result)
            else:
                self._measure_warm(row, result)
        except MEASURING_ERRORS as error:
            self.load.restart()
            result.error = f"{type(error).__name__}: {error}"
            self.say(f"  [red]failed[/red]: {escape(str(result.error))}")
        return result

    def _measure_warm(self, row: Row, result: Result) -> None:
        """Run all proxies side by side; each is idle while another one is measured."""
        with ExitStack() as stack:
            subjects = {name: stack.enter_context(start) for name, start in self._subjects(row, stack).items()}
            if self.sizes != QUICK:
                for subject in subjects.values():
                    self._run_once(row, subject, QUICK)
            for run in range(self.runs):
                names = _rotated(list(subjects), run)
                self._record(result, {name: self._run_once(row, subjects[name], self.sizes) for name in names})
            if self.profiler:
                with self.profiler.watching(row.key, subjects[OURS].proxy.pid):
                    self._run_once(row, subjects[OURS], self.sizes)

    def _measure_fresh(self, row: Row, result: Result) -> None:
        """Start a new process for every measurement."""
        for run in range(self.runs):
            measured = {}
            with ExitStack() as stack:
                starts = self._subjects(row, stack)
                for name in _rotated(list(starts), run):
                    with starts[name] as subject:
                        measured[name] = self._run_once(row, subject, self.sizes)
            self._record(result, measured)

    def _run_once(self, row: Row, subject: _Subject, sizes: Sizes) -> Measurement:
        subject.proxy.settle()
        try:
            measurement = row.measure(subject.proxy, self.load, sizes)
            subject.dc.check()
        except (RelayError, OSError) as error:
            raise RelayError(f"through {subject.name}: {error}") from error
        return measurement

    def _record(self, result: Result, measured: dict[str, Measurement]) -> None:
        result.runs.append(measured)
        values = ", ".join(f"{name} {measured[name].value:.3g}" for name in sorted(measured))
        ratios = result.ratios()
        ratio = f", ratio {ratios[-1]:.2f}" if ratios else ""
        self.say(f"  run {len(result.runs)} of {self.runs}: {values}{ratio}")

    def _subjects(self, row: Row, stack: ExitStack) -> dict[str, AbstractContextManager[_Subject]]:
        """Make all that is measured, without starting it. The DC that other proxies share is started, on the stack."""
        starts = {_HAPROXY + splicing: partial(running_haproxy, splicing, self.folder) for splicing in self.splicing}
        starts[OURS] = partial(running_ours, self.command, row.fast_mode, self.folder)
        subjects: dict[str, AbstractContextManager[_Subject]] = {
            name: _with_dc(name, row, start) for name, start in starts.items()
        }
        if self.others:
            dc = stack.enter_context(running_dc(row.serve, PUBLIC_DC))
            for name, program in self.others.items():
                subjects[name] = _beside(dc, name, OTHERS[name](program, row.fast_mode, self.folder))
        return subjects


@contextmanager
def _with_dc(name: str, row: Row, start: Callable[[int], AbstractContextManager[ProxyProcess]]) -> Iterator[_Subject]:
    with running_dc(row.serve) as dc, start(dc.port) as proxy:
        yield _Subject(name, proxy, dc)


@contextmanager
def _beside(dc: FakeDC, name: str, start: AbstractContextManager[ProxyProcess]) -> Iterator[_Subject]:
    with start as proxy:
        yield _Subject(name, proxy, dc)


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def _rotated(names: list[str], by: int) -> list[str]:
    """Rotate the names, so that no proxy is always the first, or always comes after the same one."""
    start = by % len(names)
    return names[start:] + names[:start]
