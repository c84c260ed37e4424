"""The standard library's logging behind the proxy's interface."""

from __future__ import annotations

import logging

import pytest

import mtglib
from mtglib.logger import Standard


def test_it_is_a_logger_of_the_library() -> None:
    assert isinstance(Standard(logging.getLogger("test")), mtglib.Logger)


def test_a_name_is_no_logger() -> None:
    with pytest.raises(mtglib.OptionError, match=r"^logger: expected a logging\.Logger, got 'app'$"):
        Standard("app")  # type: ignore[arg-type]


def test_fields_and_errors_stand_behind_the_message(caplog: pytest.LogCaptureFixture) -> None:
    logger = Standard(logging.getLogger("app")).named("proxy")
    child = logger.bind(client_ip="192.0.2.1").bind(n=1)

    with caplog.at_level(logging.INFO):
        child.info("100% done")
        child.warning("no", error=OSError("gone"))
        logger.info("parent")

    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("app.proxy", "INFO", "100% done client_ip=192.0.2.1 n=1"),
        ("app.proxy", "WARNING", "no client_ip=192.0.2.1 n=1 error=OSError('gone')"),
        ("app.proxy", "INFO", "parent"),
    ]


def test_debug_is_dropped_unless_the_level_asks_for_it(caplog: pytest.LogCaptureFixture) -> None:
    logger = Standard(logging.getLogger("app"))

    with caplog.at_level(logging.INFO):
        logger.debug("hidden", error=ValueError("x"))
    with caplog.at_level(logging.DEBUG):
        logger.debug("shown", error=ValueError("x"))

    (record,) = caplog.records
    assert record.getMessage() == "shown error=ValueError('x')"
    assert record.exc_info
    assert record.filename == "test_standard.py"
