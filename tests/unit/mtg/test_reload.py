"""Which keys a reload names, and what it says in the log."""

from __future__ import annotations

from msgspec import structs

from integration.recording_logger import RecordingLogger
from mtg.config import Config, Loaded, config_from_table
from mtg.config.schema import DefenseSection, LimitsSection
from mtg.reload import ReloadResult, changed_keys, keep_unchangeable, log_result


def test_keys_are_named_with_their_sections() -> None:
    other = Config(concurrency=7, defense=DefenseSection(limits=LimitsSection(per_network=9)))
    assert changed_keys(Config(), other) == ("concurrency", "defense.limits.per-network")
    assert changed_keys(other, other) == ()


def test_a_running_program_keeps_its_state_directory() -> None:
    loaded: Loaded = config_from_table({"state-directory": "/new", "concurrency": 7}, source="test")
    kept, named = keep_unchangeable(loaded, structs.replace(Config(), state_directory="/old"))

    assert (kept.config.state_directory, kept.config.concurrency, named) == ("/old", 7, ("state-directory",))
    assert keep_unchangeable(kept, kept.config) == (kept, ())


def test_everything_is_logged() -> None:
    log = RecordingLogger()
    log_result(ReloadResult(is_applied=True, changed=("a",), unchangeable=("b",), problems=("p",), at_unix=0.0), log)
    log_result(ReloadResult(is_applied=False, problems=("q",), at_unix=0.0), log)

    assert [(message.level, message.text) for message in log.messages] == [
        ("warning", "reload: p"),
        ("warning", "reload: b: changed in the file, which takes a restart"),
        ("info", "the configuration was read again"),
        ("warning", "reload: q"),
        ("warning", "reload: nothing has changed, as there are problems"),
    ]
