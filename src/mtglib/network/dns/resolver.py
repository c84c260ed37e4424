"""A resolver for a DNS server of your choice: cached, with shared lookups, IPv4 and IPv6 in parallel."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, Protocol

from ...ground.affinity import Affinity
from ...ground.endpoints import canonical_ip
from ..connecting import numeric_answer
from ..errors import ResolverClosedError
from ..resolve import Answer
from .cache import DNSCache, Question
from .hosts_file import HostsFile
from .message import DNSError, NoHostNameError, Query, RecordType

_MAX_CACHED: Final = 4096
_OTHER_FAMILY_SECONDS: Final = 0.3


class Transport(Protocol):
    """How a server is asked."""

    async def ask(self, name: str, kind: RecordType) -> tuple[Query, bytes]:
        """Return a query and the answer to it, in bounded time; raises OSError."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class DNSResolver:
    """A `ClosableResolver` over one server; made by `resolver_from_url`.

    It belongs to the event loop in which it is first used. Answers are cached for their time to live, limited to 10 s
    to an hour; negative answers for 5 s to a minute. While the server is down, its answers of the last day are still
    used. Names of /etc/hosts take precedence.

    Args:
        transport: How the server is asked.
        server: The server's name in errors.
        hosts: Names that are resolved without the server; None: /etc/hosts.
        max_cached: The most cached answers.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        transport: Transport,
        server: str,
        *,
        hosts: HostsFile | None = None,
        max_cached: int = _MAX_CACHED,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transport = transport
        self._server = server
        self._hosts = HostsFile() if hosts is None else hosts
        self._cache = DNSCache(max_cached)
        self._clock = clock
        self._under_way: dict[Question, asyncio.Task[tuple[str, ...]]] = {}
        self._affinity: Affinity | None = None
        self._closed = False

    async def resolve(self, host: str, port: int) -> list[Answer]:
        """Return the addresses of a name, IPv6 first; an IP address is returned unchanged.

        Raises:
            OSError: The name has no addresses (`socket.gaierror`), or the server can't be reached or has failed: the
                message names it.
            TimeoutError: The server doesn't answer; the message names it.
            ResolverClosedError: This resolver was closed.
            ProxyUseError: It belongs to another event loop.
        """
        self._check_affinity()
        self._check_open()
        name = host.lower().rstrip(".")
        if canonical_ip(host) is not None:
            return [numeric_answer(host, port)]
        if known := _answers(await self._hosts.addresses(name), port):
            return known
        return _answers(await self._both(name), port)

    async def aclose(self) -> None:
        """Cancel pending lookups and close connections to the server, permanently.

        Raises:
            ProxyUseError: It belongs to another event loop.
        """
        self._check_affinity()
        self._closed = True
        under_way = list(self._under_way.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._transport.aclose()

    def _check_affinity(self) -> None:
        if self._affinity is None:
            self._affinity = Affinity("resolver")
        self._affinity.check()

    def _check_open(self) -> None:
        if self._closed:
            raise ResolverClosedError

    async def _both(self, name: str) -> list[str]:
        self._check_open()  # reading the hosts file may have taken a while
        questions: tuple[Question, Question] = ((name, "AAAA"), (name, "A"))
        tasks = [self._task(question) for question in questions]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if any(_found(task) for task in tasks):
            # Some servers never answer about one family; the addresses of the other needn't wait for that.
            await asyncio.wait(tasks, timeout=_OTHER_FAMILY_SECONDS)
        else:
            await asyncio.wait(tasks)
        if addresses := [address for task in tasks for address in _found(task)]:
            return addresses
        if any(task.cancelled() for task in tasks):  # only `aclose` cancels them
            raise ResolverClosedError
        for task in tasks:
            task.result()  # raises the error, if one is the reason
        raise socket.gaierror(socket.EAI_NONAME, f"{name} has no address")

    def _task(self, question: Question) -> asyncio.Task[tuple[str, ...]]:
        """Return the task that all callers with this question wait for; it goes on when they are cancelled."""
        task = self._under_way.get(question)
        if task is None:
            task = self._under_way[question] = asyncio.create_task(self._one(question), name="mtg-dns")
            task.add_done_callback(lambda done: self._forget(question, done))
        return task

    def _forget(self, question: Question, done: asyncio.Task[tuple[str, ...]]) -> None:
        del self._under_way[question]
        if not done.cancelled():
            done.exception()  # marks it as seen: the callers may have been cancelled

    async def _one(self, question: Question) -> tuple[str, ...]:
        if (addresses := self._cache.fresh(question, self._clock())) is not None:
            return addresses
        try:
            query, wire = await self._transport.ask(*question)
            reply = query.read(wire)
        except NoHostNameError:
            raise
        except OSError as error:
            if (addresses := self._cache.stale(question, self._clock())) is not None:
                return addresses
            kind = TimeoutError if isinstance(error, TimeoutError) else DNSError
            raise kind(f"DNS server {self._server}: {str(error) or 'no answer in time'}") from error
        self._cache.keep(question, reply, self._clock())
        return reply.addresses


def _found(task: asyncio.Task[tuple[str, ...]]) -> tuple[str, ...]:
    return task.result() if task.done() and not task.cancelled() and task.exception() is None else ()


def _answers(addresses: list[str], port: int) -> list[Answer]:
    answers = []
    for address in addresses:
        with suppress(OSError):  # /etc/hosts may have a zone that this machine doesn't have
            answers.append(numeric_answer(address, port))
    return answers
