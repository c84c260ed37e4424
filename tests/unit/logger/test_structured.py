"""The log: what a line looks like, what costs nothing, and what can't break it."""

from __future__ import annotations

import base64
import io
import json
import sys
from typing import Any

import pytest

import mtglib
from mtglib import OptionError
from mtglib.logger import LEVELS, Level, StructLogger, make_logger


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def json_lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_has_mtgs_fields() -> None:
    stream = io.StringIO()
    make_logger(level="info", stream=stream).named("proxy").bind(client_ip="192.0.2.1", n=1).info("hello")
    (line,) = json_lines(stream)
    assert line.pop("timestamp") > 1_700_000_000_000
    assert line == {"level": "info", "logger": "proxy", "client_ip": "192.0.2.1", "n": 1, "message": "hello"}


def test_names_join_with_dots_and_children_leave_parents_alone() -> None:
    stream = io.StringIO()
    root = make_logger(level="info", stream=stream)
    parent = root.named("a")
    parent.named("b").bind(x=1).warning("child")
    parent.bind(y=2)
    parent.info("parent")
    root.info("root")
    child, own, top = json_lines(stream)
    assert (child["logger"], child["x"], child["level"]) == ("a.b", 1, "warn")
    assert own["logger"] == "a"
    assert "y" not in own
    assert "logger" not in top


def test_debug_is_dropped_unless_asked_for() -> None:
    quiet, loud = io.StringIO(), io.StringIO()
    make_logger(level="info", stream=quiet).named("x").bind(a=1).debug("hidden")
    make_logger(level="debug", stream=loud).named("x").bind(a=1).debug("shown")
    assert quiet.getvalue() == ""
    assert [line["message"] for line in json_lines(loud)] == ["shown"]


def test_info_is_dropped_if_only_warnings_are_asked_for() -> None:
    quiet = io.StringIO()
    logger = make_logger(level="warning", stream=quiet).named("x").bind(a=1)
    logger.info("hidden")
    logger.warning("shown")
    assert [line["message"] for line in json_lines(quiet)] == ["shown"]


@pytest.mark.parametrize(
    ("level", "debug", "info"), [("debug", True, True), ("info", False, True), ("warning", False, False)]
)
def test_a_logger_of_another_level_writes_to_the_same_place(level: Level, debug: bool, info: bool) -> None:
    stream = io.StringIO()
    for first in LEVELS:
        logger = make_logger(level=first, stream=stream).named("x").bind(a=1).with_level(level)
        assert (logger.debug_enabled, logger.info_enabled) == (debug, info)
        assert (logger.bind().debug_enabled, logger.named("y").info_enabled) == (debug, info)
        logger.warning("shown")
    assert [(line["logger"], line["a"]) for line in json_lines(stream)] == [("x", 1)] * len(LEVELS)


def test_a_level_that_does_not_exist_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^level: expected one of debug, info, warning, got 'warn'$"):
        make_logger(level="warn", stream=io.StringIO())  # type: ignore[arg-type]


def test_debug_that_is_off_touches_nothing() -> None:
    StructLogger(None).debug("hidden", error=ValueError())  # type: ignore[arg-type]


def test_errors_are_words_and_tracebacks_for_debugging_only() -> None:
    quiet, loud = io.StringIO(), io.StringIO()
    for debug, stream in ((False, quiet), (True, loud)):
        try:
            raise OSError(111, "Connection refused")
        except OSError as error:
            make_logger(level="debug" if debug else "info", stream=stream).warning("no", error=error)
    assert json_lines(quiet)[0]["error"] == "ConnectionRefusedError: [Errno 111] Connection refused"
    assert "exception" not in json_lines(quiet)[0]
    assert "test_structured.py" in json_lines(loud)[0]["exception"]


class Broken:
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    "value",
    [
        "\ud800",
        2**80,
        object(),
        {1: 2},
        b"\xff",
        float("nan"),
        "a\nb",
        {(1, 2): 3},
        Broken(),
        [Broken()],
        {Broken(): 1},
    ],
)
def test_any_value_makes_one_line_of_json(value: object) -> None:
    stream = io.StringIO()
    make_logger(level="info", stream=stream).bind(value=value).info("50% done\n")
    (line,) = json_lines(stream)
    assert line["message"] == "50% done\n"


def test_a_terminal_gets_colours_and_no_control_characters_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    make_logger(level="info", stream=stream).bind(sni="\x1b]0;owned\x07", list=["a", "b"]).info("hello")
    assert "\x1b[" in stream.getvalue()
    assert "\x1b]" not in stream.getvalue()
    assert "a, b" in stream.getvalue()


def test_a_terminal_gets_json_where_structlog_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "structlog", None)
    stream = Terminal()
    make_logger(stream=stream).bind(sni="\x1b]0;owned\x07").info("hello")
    (line,) = json_lines(stream)
    assert (line["message"], line["sni"]) == ("hello", "\x1b]0;owned\x07")
    assert "\x1b" not in stream.getvalue()


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    make_logger(level="info", stream=stream).bind(a=1).info("hello")
    assert "\x1b" not in stream.getvalue()


def test_debugging_on_a_terminal_shows_tracebacks_in_lines() -> None:
    stream = Terminal()
    try:
        raise ValueError("x")
    except ValueError as error:
        make_logger(level="debug", stream=stream).warning("no", error=error)
    assert "\n  File " in stream.getvalue()


@pytest.mark.parametrize("stream_class", [io.StringIO, Terminal])
def test_fields_named_as_those_of_every_line_cost_no_line(stream_class: type[io.StringIO]) -> None:
    stream = stream_class()
    make_logger(stream=stream).bind(level="x", message="x", event="x", timestamp=1).info("hello")
    assert "hello" in stream.getvalue()
    assert "info" in stream.getvalue()


def test_what_has_no_text_is_named_by_its_type() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    for stream in (pipe, terminal):
        make_logger(stream=stream).bind(value=Broken(), other=1).info("hello")
    assert json_lines(pipe)[0]["value"] == "<Broken>"
    assert "<Broken>" in terminal.getvalue()


def test_a_list_that_contains_itself_is_no_error() -> None:
    endless: list[object] = []
    endless.append(endless)
    make_logger(stream=io.StringIO()).bind(value=endless).info("hello")


def test_a_log_that_cannot_be_written_is_no_error() -> None:
    stream = io.StringIO()
    logger = make_logger(level="info", stream=stream)
    stream.close()
    logger.info("lost")


def test_masked_clients_are_known_by_their_network_only() -> None:
    stream = io.StringIO()
    logger = make_logger(stream=stream, mask_client_addresses=True)
    for address in ("192.0.2.77", "2001:db8:7:8::9", "::ffff:192.0.2.77", "somebody"):
        logger.bind(client_ip=address, upstream_ip="198.51.100.1").info("finished")
    logger.bind(client_ip=None).info("finished")

    lines = json_lines(stream)
    assert [line["client_ip"] for line in lines] == ["192.0.2.0/24", "2001:db8:7::/48", "192.0.2.0/24", "***", None]
    assert lines[0]["upstream_ip"] == "198.51.100.1"


def test_a_secret_is_never_taken_apart() -> None:
    stream, secret = io.StringIO(), mtglib.Secret.generate("front.example")
    logger = make_logger(stream=stream)
    options = mtglib.ProxyOpts.with_defaults(secret)

    logger.bind(secret=secret, options=options, some=[secret, (secret,)], table={"a": secret}).info("started")

    assert "***" in json_lines(stream)[0]["secret"]
    for text in (secret.hex(), secret.base64(), secret.key.hex(), base64.b64encode(secret.key).decode()):
        assert text not in stream.getvalue()
