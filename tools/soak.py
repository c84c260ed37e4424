"""Rough use for some minutes: the program serves clients and strangers who leave in every way there is.

`python -m tools.soak [--minutes 5]`. What comes through is compared; what stays behind is counted: when all have
gone, the program must have no more files and threads open than before, and hardly more memory.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support import sockets
from support.fake_dc import FakeDC
from support.faketls_client import FakeTLSClient
from support.front import RecordingFront, answer
from support.secrets import PeerSecret, secret_hex

WORKERS = 32
WARM_UP_SECONDS = 20.0
VISIT_TIMEOUT = 30.0
SETTLE_TIMEOUT = 60.0
GROWTH_LIMIT_KIB = 8 * 1024
"""Allocators keep some of what they had; a leak of a few hundred bytes per connection is beyond this in minutes."""

SITE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"

Visit = Callable[[int, PeerSecret], Awaitable[None]]


async def talk(port: int, secret: PeerSecret) -> None:
    """A client that gets back what it sends, and ends as it should."""
    async with await FakeTLSClient.connect("127.0.0.1", port, secret) as client:
        for _ in range(random.randint(1, 8)):
            data = random.randbytes(random.choice((1, 100, 16_384, 16_385, 300_000)))
            sending = asyncio.ensure_future(client.send(data, record_bytes=(random.randint(1000, 16_384),)))
            if await client.recv_exactly(len(data)) != data:
                raise AssertionError("an echo differs")
            await sending
        client.send_eof()
        if await client.recv_until_end() != sockets.Received(b"", "eof"):
            raise AssertionError("the end differs")


async def vanish(port: int, secret: PeerSecret) -> None:
    """A client that is gone in the middle of a transfer."""
    async with await FakeTLSClient.connect("127.0.0.1", port, secret) as client:
        sending = asyncio.ensure_future(client.send(random.randbytes(2_000_000)))
        await client.recv_some()
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        client.reset()


async def leave_early(port: int, secret: PeerSecret) -> None:
    """A client that goes after some step of its handshake."""
    client = FakeTLSClient(await sockets.connect("127.0.0.1", port), secret)
    async with client:
        await client.send_hello()
        if random.random() < 0.5:
            await client.receive_answer()
        if random.random() < 0.5:
            client.reset()


async def probe(port: int, secret: PeerSecret) -> None:
    """A stranger, who must see the site: with garbage, or as a client with another secret."""
    stranger = FakeTLSClient(await sockets.connect("127.0.0.1", port), PeerSecret.random(secret.host))
    async with stranger:
        if random.random() < 0.5:
            await stranger.send_raw(random.randbytes(random.randint(1, 2000)))
        else:
            await stranger.send_hello()
        if await sockets.recv_exactly(stranger.sock, len(SITE)) != SITE:
            raise AssertionError("the site differs")


VISITS: tuple[Visit, ...] = (talk, talk, vanish, leave_early, probe)


class Process:
    """The proxy's process, seen from outside."""

    def __init__(self, pid: int) -> None:
        self._proc = Path(f"/proc/{pid}")

    def counts(self) -> tuple[int, int]:
        """Open files and threads."""
        return len(os.listdir(self._proc / "fd")), len(os.listdir(self._proc / "task"))

    def memory_kib(self) -> int:
        """Memory of its own, and its share of what it shares."""
        lines = (self._proc / "smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))

    async def settled(self, wanted: tuple[int, int]) -> tuple[int, int]:
        """Wait until the counts are as wanted, for a while; returns what they are."""
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_TIMEOUT):
                while any(now > most for now, most in zip(self.counts(), wanted, strict=True)):
                    await asyncio.sleep(0.2)
        return self.counts()


async def visit_for(seconds: float, port: int, secret: PeerSecret) -> Counter[str]:
    """Keep all workers busy for so long; returns how often each kind of visit was made."""
    made: Counter[str] = Counter()
    deadline_mono = time.monotonic() + seconds

    async def work() -> None:
        while time.monotonic() < deadline_mono:
            visit = random.choice(VISITS)
            with suppress(ConnectionError, EOFError):
                async with asyncio.timeout(VISIT_TIMEOUT):
                    await visit(port, secret)
                made[visit.__name__] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(work())
    return made


@contextlib.contextmanager
def program(secret: PeerSecret, dc: FakeDC, site: RecordingFront) -> Iterator[tuple[Popen[str], int]]:
    """The program, serving; its process and its port."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "mtg.toml"
        config.touch(mode=0o600)
        config.write_text(
            f'secret = "{secret_hex(secret)}"\nbind-to = "127.0.0.1:0"\n[dc-overrides]\n2 = ["{dc.address}"]\n'
            f'[domain-fronting]\nip = "127.0.0.1"\nport = {site.port}\n'
        )
        with (Path(folder) / "log").open("w+") as log:
            environment = os.environ | {"XDG_STATE_HOME": folder}
            command = [sys.executable, "-m", "mtg", "run", str(config)]
            process = Popen(command, stderr=PIPE, stdout=log, text=True, env=environment)
            try:
                assert process.stderr is not None
                started = json.loads(process.stderr.readline())
                # What it logs from now on must not fill the pipe.
                drain = asyncio.get_running_loop().run_in_executor(None, process.stderr.read)
                print(f"engine {started['engine']}", flush=True)
                yield process, int(started["bind_to"][0].rpartition(":")[2])
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait()
                drain.cancel()


async def soak(minutes: float) -> int:
    """Warm up, remember, go on for so long, and compare; the exit code."""
    secret = PeerSecret.random()
    async with FakeDC() as dc, RecordingFront(answer(SITE)) as site:
        with program(secret, dc, site) as (running, port):
            process = Process(running.pid)
            idle = process.counts()
            await visit_for(WARM_UP_SECONDS, port, secret)
            files, threads = await process.settled((idle[0] + 16, idle[1] + 64))
            before_kib = process.memory_kib()
            print(f"warm: {files} files, {threads} threads, {before_kib} KiB", flush=True)
            made = await visit_for(minutes * 60, port, secret)
            after = await process.settled((files, threads))
            after_kib = process.memory_kib()
    print(", ".join(f"{count} {name}" for name, count in sorted(made.items())))
    print(f"after: {after[0]} files, {after[1]} threads, {after_kib} KiB")
    leaks = [f"{after[0] - files} files"] if after[0] > files else []
    leaks += [f"{after[1] - threads} threads"] if after[1] > threads else []
    leaks += [f"{after_kib - before_kib} KiB"] if after_kib - before_kib > GROWTH_LIMIT_KIB else []
    print(f"left behind: {', '.join(leaks)}" if leaks else "nothing was left behind")
    return int(bool(leaks))


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tools.soak", description="Rough use; nothing may leak.")
    parser.add_argument("--minutes", type=float, default=5.0)
    return asyncio.run(soak(parser.parse_args().minutes))


if __name__ == "__main__":
    sys.exit(main())
