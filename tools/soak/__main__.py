"""`python -m tools.soak [--minutes 5] [--relay pure]`: use the program roughly; nothing may leak.

Every byte is compared. After each round all visitors leave; then the program must have no more open files, threads and
tasks than after the first round, no connection in its gauges, and hardly more memory. No client may be turned away,
unless the data centre or the site is away.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter

from benchmarks.peers.faketls import Secret

from support.secrets import PeerSecret
from support.server_answer import AnswerError
from support.tls_records import RecordError
from tools.flood.peers import Peers, running_peers
from tools.flood.program import Program, running_program
from tools.flood.sockets import raise_file_limit
from tools.soak.trouble import Trouble, list_server
from tools.soak.visits import VISITS, talk
from tools.soak.watch import Sample, leaks, settled_sample

CONCURRENCY = 1000
WORKERS = 24
VISIT_TIMEOUT_SECONDS = 30.0
LONGEST_ROUND_SECONDS = 60.0
LEAST_ROUNDS = 4
_SHOWN_FAILURES = 5
_SETTINGS = """
[network]
dns = ""
[network.timeout]
frame = "3s"
idle = "5s"
[defense]
cache-directory = "{folder}"
[defense.blocklist]
enabled = true
urls = ["{url}"]
update-each = "1m"
"""


class Soak:
    """The visits, and their results."""

    def __init__(self, program: Program, peers: Peers, secret: PeerSecret) -> None:
        self.made: Counter[str] = Counter()
        self.trouble = Trouble(program, peers, secret)
        self._program = program
        self._secret = secret

    @property
    def hellos(self) -> int:
        """The number of hellos with our secret, sent by visits and floods."""
        return self.trouble.hellos + sum(self.made[name] for name in ("talk", "vanish", "leave_early"))

    async def one_round(self, seconds: float) -> None:
        """Make visits and trouble for this time."""
        self._until_mono = time.monotonic() + seconds
        endless = [asyncio.create_task(job) for job in (self.trouble.reloads(), self.trouble.scrapes())]
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(1, WORKERS + 1):
                    group.create_task(self._visit_on_and_on(f"127.0.0.{number}"))
                group.create_task(self.trouble.floods(seconds))
                group.create_task(self.trouble.absences(seconds))
        finally:
            for job in endless:
                job.cancel()
            await asyncio.gather(*endless, return_exceptions=True)

    async def _visit_on_and_on(self, address: str) -> None:
        while time.monotonic() < self._until_mono:
            visit, start_mono = random.choice(VISITS), time.monotonic()
            try:
                async with asyncio.timeout(VISIT_TIMEOUT_SECONDS):
                    await visit(self._program.port, address, self._secret)
                self.made[visit.__name__] += 1
            except (OSError, EOFError, AnswerError, RecordError) as error:
                if self.trouble.is_away(start_mono):
                    self.made["failed while a peer was away"] += 1
                elif visit is talk:
                    self.made["turned away"] += 1
                    if self.made["turned away"] <= _SHOWN_FAILURES:
                        print(f"a client was turned away: {type(error).__name__}: {error}", flush=True)


async def soak(minutes: float, pure: bool) -> int:
    """Run rounds for this time, and compare; return the exit code."""
    raise_file_limit()
    secret = PeerSecret.random()
    round_seconds = min(LONGEST_ROUND_SECONDS, minutes * 60 / LEAST_ROUNDS)
    samples: list[Sample] = []
    with tempfile.TemporaryDirectory() as folder, running_peers() as peers:
        peers.set_site("answers")
        async with list_server() as lists:
            settings = _SETTINGS.format(folder=folder, url=lists.url("/list"))
            with running_program(
                Secret(secret.key, secret.host),
                peers.dc_port,
                peers.site_port,
                concurrency=CONCURRENCY,
                pure=pure,
                more_settings=settings,
            ) as program:
                print(f"engine {program.engine}, rounds of {round_seconds:.0f} s", flush=True)
                soaking = Soak(program, peers, secret)
                start_mono = time.monotonic()
                while time.monotonic() - start_mono < minutes * 60 or len(samples) < 2:
                    await soaking.one_round(round_seconds)
                    samples.append(await settled_sample(program, samples[0] if samples else None, soaking.hellos))
                    elapsed = time.monotonic() - start_mono
                    print(f"[{elapsed / 60:5.1f} min] {samples[-1]}", flush=True)
                evicted = await program.counter("visitors_evicted")
    return _report(samples, soaking, len(lists.requests), evicted)


def _report(samples: list[Sample], soaking: Soak, list_requests: int, evicted: float) -> int:
    made = soaking.made + soaking.trouble.made + Counter({"list request": list_requests, "evicted": int(evicted)})
    print(", ".join(f"{count} {name}" for name, count in sorted(made.items())))
    print(f"after the first round: {samples[0]}\nafter the last one:    {samples[-1]}")
    peaks = (f"{sample.pss_bytes / 2**20:.0f}" for sample in samples[:: max(1, len(samples) // 20)])
    print(f"memory over time, MiB: {' '.join(peaks)}")
    found = leaks(samples)
    if turned_away := soaking.made["turned away"]:
        found.append(f"{turned_away} clients turned away")
    print(f"wrong: {', '.join(found)}" if found else "nothing was abandoned")
    return int(bool(found))


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description="Rough use; nothing may leak.")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--relay", choices=("native", "pure"), default="native")
    options = parser.parse_args()
    return asyncio.run(soak(options.minutes, options.relay == "pure"))


if __name__ == "__main__":
    sys.exit(main())
