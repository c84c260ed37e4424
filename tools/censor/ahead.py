"""What a proxy has learnt of its site by and by, learnt at once, for a proxy that finds it on its disk."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mtglib.answers import Answers
from mtglib.front.answer_file import ANSWERS
from mtglib.front.learner import Learner
from mtglib.front.site_store import SiteStore
from mtglib.ground.guarded_logger import GuardedLogger
from mtglib.keyshare import KeyShares
from mtglib.noop import NoopLogger
from mtglib.wire.hello_shape import parse_shape
from support import sockets
from support.client_hello import hello_records

_USUAL_SAMPLES: Final = 3
_HOUR: Final = 3600.0


async def learn_ahead(port: int, host: str, hellos: Sequence[bytes], count: int, state: Path) -> None:
    """Ask a site so many times with hellos of each kind, and keep the answers in a state directory."""
    answers = Answers(_USUAL_SAMPLES)
    logger = GuardedLogger(NoopLogger())
    for hello in hellos:
        await _ask(port, host, hello_records(hello), count, answers, logger)
    store = SiteStore(state / "answers", ANSWERS, logger)
    store.keep(host, answers.of(host))
    await store.close()


async def _ask(port: int, host: str, record: bytes, count: int, answers: Answers, logger: GuardedLogger) -> None:
    """Ask as often as that, hours after each other by the learner's clock."""
    ahead_seconds = 0.0

    async def dial() -> socket.socket:
        return await sockets.connect("127.0.0.1", port)

    learner = Learner(
        dial,
        answers,
        KeyShares().another_clients,
        logger,
        each_seconds=_HOUR,
        samples=count,
        on_learnt=lambda _: None,
        now_unix=time.time,
        clock=lambda: time.monotonic() + ahead_seconds,
    )
    key = parse_shape(record).key
    for _ in range(count):
        learner.saw(host, key, record, bytes)
        assert learner.learning is not None, "nothing else is due"
        await learner.learning
        ahead_seconds += 2 * _HOUR
