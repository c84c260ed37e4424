"""What a client is answered, from its bytes: looked up, learnt, kept."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.recording_logger import RecordingLogger
from mtglib import FrontLearning, Secret
from mtglib.admission import Admitted
from mtglib.front.lessons import Lessons
from mtglib.ground.guarded_logger import GuardedLogger
from mtglib.keyshare import KeyShares
from mtglib.users import DEFAULT_USER, User
from mtglib.users.account import Account
from mtglib.wire.client_hello import parse
from support import sockets
from support.client_hello import Shape, build_client_hello, hello_records
from support.eventually import eventually
from unit.wire.test_server_flight import CCS, encrypted, server_hello

SECRET = Secret(bytes(range(16)), "front.example")


class School:
    """Lessons of a site that answers with so many bytes."""

    def __init__(self, logger: RecordingLogger, directory: Path | None = None) -> None:
        self.now_unix = 1e9
        self.encrypted_bytes = 0
        self.sites: list[socket.socket] = []
        settings = FrontLearning(directory=directory, samples=1)
        self.lessons = Lessons(
            SECRET.host, settings, self._dial, KeyShares(), GuardedLogger(logger), lambda: self.now_unix, time.monotonic
        )

    async def _dial(self) -> socket.socket:
        ours, site = socket.socketpair()
        ours.setblocking(False)
        site.setblocking(False)
        await sockets.send_all(site, server_hello() + CCS + encrypted(self.encrypted_bytes))
        site.shutdown(socket.SHUT_WR)
        self.sites.append(site)
        return ours

    async def close(self) -> None:
        """End it."""
        await self.lessons.close()
        for site in self.sites:
            site.close()

    def noise_bytes(self, record: bytes) -> int | None:
        """What a client gets."""
        chosen = self.lessons.answer_for(
            Admitted(Account(User(DEFAULT_USER, SECRET)), SECRET, parse(record), record), bytes
        )
        return None if chosen is None else chosen.noise_bytes


def hello(shape: Shape = "modern") -> bytes:
    return hello_records(build_client_hello(SECRET.host, shape=shape))


@pytest.fixture
async def school(logger: RecordingLogger) -> AsyncIterator[School]:
    school = School(logger)
    yield school
    await school.close()


async def test_the_first_client_gets_nothing_and_the_next_ones_what_was_learnt(school: School) -> None:
    school.encrypted_bytes = 700
    assert school.noise_bytes(hello("old")) is None
    assert school.lessons.latest is None
    await eventually(lambda: school.lessons.latest is not None)

    assert school.noise_bytes(hello("old")) == 700
    assert school.noise_bytes(hello("modern")) == 700, "the nearest, as x25519 was answered"


async def test_the_latest_answer_is_told(school: School) -> None:
    for shape, size in (("old", 700), ("secp256r1", 800)):
        school.encrypted_bytes = size
        school.now_unix += 60
        before = school.lessons.latest
        school.noise_bytes(hello(shape))  # type: ignore[arg-type]
        await eventually(lambda before=before: school.lessons.latest != before)  # type: ignore[misc]

        assert school.lessons.latest == (SECRET.host, school.now_unix, len(server_hello()) + 5 + size)


async def test_a_hello_that_no_site_understands_is_answered_as_by_default(school: School) -> None:
    record = hello()
    twice = record.replace(b"\x00\x17\x00\x00", b"\x00\x12\x00\x00")

    assert school.noise_bytes(twice) is None
    await asyncio.sleep(0)
    assert school.sites == []


async def test_what_was_kept_is_used_by_the_next_process(tmp_path: Path, logger: RecordingLogger) -> None:
    first = School(logger, tmp_path)
    first.encrypted_bytes = 700
    first.noise_bytes(hello())
    await eventually(lambda: first.lessons.latest is not None)
    await first.close()

    second = School(logger, tmp_path)
    second.lessons.load()
    assert second.lessons.loading
    await second.lessons.loading
    assert second.lessons.loading is None
    assert second.noise_bytes(hello()) == 700
    assert (second.sites, second.lessons.latest) == ([], first.lessons.latest)

    assert logger.warnings == []


async def test_reading_ends_with_the_proxy(tmp_path: Path, logger: RecordingLogger) -> None:
    school = School(logger, tmp_path)
    school.lessons.load()
    await school.close()
    await asyncio.sleep(0)

    assert school.lessons.loading
    assert school.lessons.loading.cancelled()
