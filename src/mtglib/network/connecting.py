"""Connecting to one address, or to the first of several that answers (RFC 8305, "happy eyeballs")."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterable
from typing import Final

from ..constants import PreferIP
from ..ground.deadlines import within
from ..ground.happy_eyeballs import ATTEMPT_DELAY_SECONDS, SilentAddresses, alternated
from ..interfaces import Logger
from .resolve import Answer
from .socket_options import SocketOptions

_MAX_ATTEMPTS: Final = 32


def numeric_answer(ip: str, port: int) -> Answer:
    """Return how to connect to an IP address, maybe with a zone (fe80::1%eth0), which the kernel takes as a number.

    Raises:
        OSError: This machine has no such interface.
    """
    address, separator, zone = ip.partition("%")
    if ":" not in address:
        if separator:
            raise OSError(errno.EINVAL, f"{ip} isn't an address")
        return socket.AF_INET, (ip, port)
    if not separator:
        return socket.AF_INET6, (ip, port)
    try:
        index = int(zone) if zone.isdecimal() else socket.if_nametoindex(zone)
        socket.if_indextoname(index)
    except (OSError, ValueError, OverflowError) as error:
        raise OSError(errno.ENODEV, f"there is no interface for {ip}") from error
    return socket.AF_INET6, (address, port, 0, index)


def by_preference(answers: Iterable[Answer], prefer_ip: PreferIP) -> list[Answer]:
    """Alternate the families, the preferred one first (RFC 8305, section 4); `only-` leaves one."""
    mode, _, version = prefer_ip.partition("-")
    preferred = socket.AF_INET6 if version == "ipv6" else socket.AF_INET
    known = list(answers)
    first = [answer for answer in known if answer[0] == preferred]
    if mode == "only":
        return first
    second = [answer for answer in known if answer[0] != preferred]
    return alternated(first, second)


async def connect(
    answer: Answer, timeout_seconds: float, options: SocketOptions, logger: Logger | None
) -> socket.socket:
    """Connect to one address.

    Raises:
        OSError: It refuses, or can't be reached.
        TimeoutError: It is silent.
    """
    family, address = answer
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        options.apply_to_new(sock, logger)
        code = sock.connect_ex(address)
        if code == errno.EINPROGRESS:
            # A peer on this machine has answered by now: asking again costs less than a turn of the event loop.
            code = sock.connect_ex(address)
        if code == errno.EALREADY:
            await within(timeout_seconds, asyncio.get_running_loop().sock_connect(sock, address))
        elif code not in (0, errno.EISCONN):
            raise OSError(code, f"cannot connect to {address[0]} port {address[1]}: {os.strerror(code)}")
    except BaseException:
        sock.close()
        raise
    return sock


async def connect_first(
    answers: list[Answer],
    timeout_seconds: float,
    options: SocketOptions,
    logger: Logger | None,
    silent: SilentAddresses | None = None,
) -> socket.socket:
    """Connect to the address that answers first.

    An attempt begins when the previous one has failed or is a quarter of a second old (less if there isn't time for
    all). At most 32 addresses are tried. Those in `silent` come last; addresses that don't answer in time, or that a
    later attempt overtakes, are noted there.

    Raises:
        OSError: All addresses failed; the error is that of the last one.
        TimeoutError: No address answered in time.
    """
    silent = SilentAddresses() if silent is None else silent
    waiting = silent.put_last(answers)[:_MAX_ATTEMPTS]
    if len(waiting) == 1:
        return await connect(waiting[0], timeout_seconds, options, logger)
    delay_seconds = min(ATTEMPT_DELAY_SECONDS, timeout_seconds / (len(waiting) + 1))
    running: dict[asyncio.Task[socket.socket], Answer] = {}  # in the order of their starts
    count = len(waiting)
    error: OSError = OSError(errno.EADDRNOTAVAIL, "there is no address to connect to")
    try:
        async with asyncio.timeout(timeout_seconds):
            while waiting or running:
                if waiting:
                    answer = waiting.pop(0)
                    running[asyncio.create_task(connect(answer, timeout_seconds, options, logger))] = answer
                done, _ = await asyncio.wait(
                    running, timeout=delay_seconds if waiting else None, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:  # those after the winner stay in `running`, and are closed
                    earlier = list(running)[: list(running).index(task)]
                    answer = running.pop(task)
                    try:
                        sock = task.result()
                    except OSError as failed:
                        error = failed
                    else:
                        _note_overtaken(silent, answer, (running[each] for each in earlier if each not in done))
                        return sock
    except TimeoutError as late:
        for answer in running.values():
            silent.note(answer)
        raise TimeoutError(f"none of {count} addresses answers within {timeout_seconds:.3g} s") from late
    finally:
        await _give_up(running)
    raise error


def _note_overtaken(silent: SilentAddresses, winner: Answer, losers: Iterable[Answer]) -> None:
    silent.forget(winner)
    for answer in losers:
        silent.note(answer)


async def _give_up(running: Iterable[asyncio.Task[socket.socket]]) -> None:
    for task in running:
        task.cancel()
    for outcome in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(outcome, socket.socket):  # it connected just after the winner
            outcome.close()
