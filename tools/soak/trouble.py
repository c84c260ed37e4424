"""Events around the visitors: floods, peers that die and come back, reloads, lists, scrapes."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
import time
from collections import Counter
from contextlib import suppress

from benchmarks.peers.faketls import Secret

from support import sockets
from support.list_server import ListServer
from support.secrets import PeerSecret
from tools.flood.flooder import Plan, flooding
from tools.flood.kinds import KINDS
from tools.flood.peers import Peers, Side
from tools.flood.program import Program

FLOOD_HOLDS = 400
_FEW = 40
"""The connections of kinds that each cost the proxy much memory or time: more would hide smaller leaks."""
_COSTLY = ("never-reading", "empty-records")
_ADDRESSES = tuple(f"127.1.0.{number}" for number in range(1, 201))
_AWAY_SECONDS = 3.0
_RECOVERY_SECONDS = 3.0
"""How long after a peer's return a client may still notice its absence."""
_RELOAD_SECONDS = 10.0
_SCRAPE_SECONDS = 1.0
_PREFIXES = 20_000


class Trouble:
    """Everything but the visits.

    Attributes:
        made: How often each thing was done.
        hellos: The number of hellos with our secret that the floods have sent.
    """

    def __init__(self, program: Program, peers: Peers, secret: PeerSecret) -> None:
        self.made: Counter[str] = Counter()
        self.hellos = 0
        self._program = program
        self._peers = peers
        self._secret = Secret(secret.key, secret.host)
        self._away_until_mono: dict[Side, float] = {"dc": 0.0, "site": 0.0}

    def is_away(self, since_mono: float) -> bool:
        """Whether the data centre or the site was away at any time since then."""
        return max(self._away_until_mono.values()) > since_mono

    async def floods(self, seconds: float) -> None:
        """Flood with one kind after another, each equally long, in turn from one address and from 200."""
        each_seconds = seconds / len(KINDS)
        for number, (key, kind) in enumerate(KINDS.items()):
            hold = _FEW if key in _COSTLY else FLOOD_HOLDS
            sources = _ADDRESSES if (number + self.made["flood"] // len(KINDS)) % 2 else _ADDRESSES[:1]
            rate = hold / 2
            plan = Plan(key, self._program.port, self._secret, sources, hold, rate, rate)
            with flooding(plan) as flooder:
                await asyncio.sleep(each_seconds)
                progress = flooder.close_all()
            self.made["flood"] += 1
            self.made["flooding connection"] += progress.opened
            self.hellos += progress.opened if kind.needs_secret else 0

    async def absences(self, seconds: float) -> None:
        """Let the data centre and the site die once each and come back; each time the site changes its behaviour."""
        sides: tuple[Side, ...] = ("dc", "site")
        for side in sides:
            await asyncio.sleep(seconds / 3)
            # Set before it happens, and valid until its effects are over.
            self._away_until_mono[side] = time.monotonic() + _AWAY_SECONDS + _RECOVERY_SECONDS
            self._peers.die(side)
            await asyncio.sleep(_AWAY_SECONDS)
            self._peers.set_site(random.choice(("answers", "closes")))
            self._peers.come_back(side)
            self.made[f"{side} away"] += 1

    async def reloads(self) -> None:
        """Send SIGHUP every now and then, which reads the lists again."""
        while True:
            await asyncio.sleep(_RELOAD_SECONDS)
            self._program.reload()
            self.made["SIGHUP"] += 1

    async def scrapes(self) -> None:
        """Fetch the metrics; some requests stop in the middle."""
        for number in itertools.count():
            await asyncio.sleep(_SCRAPE_SECONDS)
            with suppress(OSError):
                if number % 10:
                    await self._program.page()
                else:
                    await self._program.leave_page()
                self.made["scrape"] += 1


def list_server() -> ListServer:
    """A server of a list that is different each time, and sometimes an error or only half of a list."""
    return ListServer({"/list": _send_list})


async def _send_list(sock: socket.socket) -> None:
    if random.random() < 0.2:
        await sockets.send_all(sock, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        return
    networks = (f"{random.randrange(128, 224)}.{random.randrange(256)}.{n % 256}.0/24" for n in range(_PREFIXES))
    body = "\n".join(networks).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    await sockets.send_all(sock, head + (body[:1000] if random.random() < 0.2 else body))
