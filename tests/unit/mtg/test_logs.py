"""The loggers follow `log-level`."""

from __future__ import annotations

import io
import json
from typing import Any

import mtglib
from mtg.config import Loaded, config_from_table
from mtg.logs import Logs, build_logger
from mtglib.logger import make_logger


def configured(**table: Any) -> Loaded:
    return config_from_table(table, source="test")


def test_parts_log_what_the_level_asks_for_and_follow_it() -> None:
    stream, built = io.StringIO(), []

    def build(loaded: Loaded) -> mtglib.Logger:
        built.append(loaded.config.log_level)
        return make_logger(level="debug", stream=stream)

    logs = Logs(configured(), build)
    child = logs.parts.named("proxy")
    child.info("dropped")
    logs.program.info("program")
    logs.follow(configured(concurrency=7))
    logs.follow(configured(**{"log-level": "info"}))
    child.info("kept")

    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["program", "kept"]
    assert built == ["warning", "info"], "only where the log changes"


def test_the_programs_own_lines_are_always_logged() -> None:
    assert getattr(build_logger(configured()), "info_enabled", None) is True
