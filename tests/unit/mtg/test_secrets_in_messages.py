"""A proxy's secret that was pasted into the wrong place, with one slip of the keyboard in it, is in no message."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random
from typing import NamedTuple
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import mtglib
from mtg import cli
from mtg.build import check
from mtg.config import load_config
from mtg.config.redaction import redact, shown, shown_key
from mtg.user_error import UserError
from mtg.users_file import UsersFile

HOSTS = ("a", "front.example", "front-1.some-long-host-name.example.com")
SECRETS = [mtglib.Secret(Random(number).randbytes(16), host) for host in HOSTS for number in range(20)]
PIECE = 12


class Pasted(NamedTuple):
    """A secret with a slip in it, and its key as it was in the text before."""

    text: str
    key: str


def _written(secret: mtglib.Secret) -> list[Pasted]:
    """All spellings of a secret, with the characters in each that its key decides."""
    url_safe = secret.base64()
    standard = url_safe.replace("-", "+").replace("_", "/")
    spellings = [(secret.hex(), 2, 34), (secret.hex().upper(), 2, 34), (url_safe, 1, 23), (standard, 1, 23)]
    return [Pasted(text, text[begin:end]) for text, begin, end in spellings]


@st.composite
def pasted(draw: st.DrawFn) -> Pasted:
    """A secret with a character or some too many, too few, or wrong, anywhere in it."""
    text, key = draw(st.sampled_from([each for secret in SECRETS for each in _written(secret)]))
    at = draw(st.integers(0, len(text)))
    lost = draw(st.integers(0, 1))
    added = draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=3) | st.sampled_from("7gx./ @:'\"=?#&%"))
    return Pasted(text[:at] + added + text[at + lost :], key)


def shows(message: str, key: str) -> bool:
    """Whether a piece of the key can be read in a message, whose lines may be wrapped."""
    flat = "".join(message.split())
    return any(key[at : at + PIECE] in flat for at in range(len(key) - PIECE + 1))


@given(pasted())
def test_the_functions_that_show_values_do_not_show_it(slip: Pasted) -> None:
    assert not any(shows(show(slip.text), slip.key) for show in (redact, shown, shown_key))


GOOD = f'secret = "{SECRETS[1].hex()}"\nbind-to = "127.0.0.1:1"\n'
KEYS = (
    *("secret", "bind-to", "debug", "concurrency", "prefer-ip", "public-ipv4", "tolerate-time-skewness", "users"),
    *("state-directory", "unknown", "domain-fronting.ip", "domain-fronting.port", "dc-overrides.2", "network.dns"),
    *("network.proxies", "network.timeout.tcp", "network.keep-alive.count", "network.unknown", "defense.limits"),
    *("defense.blocklist.urls", "defense.blocklist.update-each", "defense.anti-replay.kind"),
    *("defense.anti-replay.max-size", "defense.anti-replay.error-rate", "defense.anti-replay.url"),
    *("stats.prometheus.http-path", "stats.prometheus.bind-to", "stats.statsd.tag-format"),
    *("stats.statsd.metric-prefix", "users-file", "secrets", "throttle.max-connections", "users.ann"),
    *("domain-fronting.default-host", "domain-fronting.hosts"),
)
OF_USERS = (
    "secret",
    "secret-file",
    "enabled",
    "expires",
    "quota",
    "quota-period",
    "max-connections",
    "name",
    "bind-to",
)
SWITCHES = 'defense.blocklist.enabled = true\nstats.statsd.enabled = true\nstats.statsd.address = "127.0.0.1:1"\n'


def _files(text: str) -> Iterator[str]:
    """Configurations that have a text in every place that a text can be in, with quotes or without."""
    quoted = json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
    for value in (quoted, f"[{quoted}, {quoted}]", f"{{{quoted} = {quoted}}}"):
        yield SWITCHES + "".join(f"{key} = {value}\n" for key in KEYS)
    for key in ("secret-file", "network", "dc-overrides"):
        yield f"bind-to = {quoted}\n{key} = {quoted}\n"
    yield GOOD + "[users.ann]\n" + "".join(f"{key} = {quoted}\n" for key in OF_USERS)
    yield f'{GOOD}defense.anti-replay.kind = "redis"\ndefense.anti-replay.url = {quoted}\n'
    for raw in (text, f'"{text}"', f"'{text}'", quoted):
        yield f"{GOOD}unknown = {raw}\n"
        yield f"{GOOD}concurrency = {raw}\n"
        yield f"{GOOD}{raw} = 1\n{raw} = 1\n"
        yield f"{GOOD}[{raw}]\n[{raw}]\n"
        yield f"{GOOD}[network]\n{raw} = 1\n"
        yield f"{GOOD}[dc-overrides]\n{raw} = []\n"
        yield f"{GOOD}[secrets]\n{raw} = 1\n"
        yield f'{GOOD}[secrets]\n{raw} = "{SECRETS[0].hex()}"\n'
        yield f"{GOOD}[secrets]\nann = {raw}\nbind-to = {raw}\n"
        yield f'{GOOD}[users.{raw}]\nsecret = "{SECRETS[1].hex()}"\nexpires = 2020-01-01\nmax-networks = 1\n'
        yield f"{GOOD}[users.{raw}]\nconcurrency = 5\n"
        yield f"{GOOD}[domain-fronting.hosts.{raw}]\nip = {raw}\nhost = {raw}\nport = {raw}\n"
        yield f"{raw}\n{GOOD}"


def _message(path: Path) -> str:
    try:
        loaded = load_config(path)
        check(loaded)
    except UserError as failure:
        return str(failure)
    return "\n".join(loaded.warnings)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pasted())
def test_no_message_about_a_configuration_shows_it(tmp_path: Path, slip: Pasted) -> None:
    path = tmp_path / "c.toml"
    path.touch(0o600)
    for file in _files(slip.text):
        path.write_text(file, "utf-8")
        message = _message(path)
        assert not shows(message, slip.key), file


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pasted())
def test_no_message_about_a_secrets_file_shows_it(tmp_path: Path, slip: Pasted) -> None:
    (tmp_path / "key").write_text(slip.text, "utf-8")
    path = tmp_path / "c.toml"
    path.write_text('secret-file = "key"\nbind-to = "127.0.0.1:1"\n')
    assert not shows(_message(path), slip.key)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pasted())
def test_no_message_about_a_users_file_shows_it(tmp_path: Path, slip: Pasted) -> None:
    path, users_file = tmp_path / "c.toml", tmp_path / "users.toml"
    for each in (path, users_file):
        each.touch(0o600)
    path.write_text(f'users-file = "users.toml"\n{GOOD}')
    for file in _files(slip.text):
        users_file.write_text(file, "utf-8")
        message = _message(path)
        with pytest.raises(UserError) as raised:
            UsersFile(users_file, {}, "c.toml").add("bob", {"quota": slip.text, slip.text: slip.text}, slip.text)
        assert not shows(message, slip.key), file
        assert not shows(str(raised.value), slip.key), file


COMMANDS = (
    ["{}"],
    ["--{}"],
    ["run", "{}"],
    ["run", "missing.toml", "{}"],
    ["run", "--{}", "missing.toml"],
    ["access", "-i", "{}", "missing.toml"],
    ["access", "-I{}", "missing.toml"],
    ["access", "-p", "{}", "missing.toml"],
    ["access", "--user", "{}", "c.toml"],
    ["access", "--hex={}", "missing.toml"],
    ["access", "--svg", "/missing/{}", "c.toml"],
    ["generate-secret", "{}", "{}"],
    ["quickstart", "--port", "{}"],
    ["quickstart", "--server", "{}/", "/missing/c.toml"],
    ["quickstart", "--host", "{}..", "/missing/c.toml"],
    ["quickstart", "/missing/{}"],
    ["simple-run", "{}", "{}"],
    ["simple-run", "-c", "{}", "-i", "{}", "-p", "{}", "-n", "{}", "-t", "{}", "-s", "{}", "-a", "{}", "x", "y"],
    ["simple-run", "--domain-fronting-ip", "{}", "127.0.0.1:1", "{}"],
    ["simple-run", "127.0.0.1:1", "y", "{}"],
)


def _said(arguments: list[str]) -> str:
    """What a command that fails writes."""
    out = io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(out),
        mock.patch.object(sys, "argv", ["mtg", *arguments]),
        pytest.raises(SystemExit) as raised,
    ):
        cli.main()
    assert raised.value.code in (1, 2)
    return out.getvalue()


CUT_IN_TWO = Pasted(f"{SECRETS[1].hex()[:14]}={SECRETS[1].hex()[14:]}", SECRETS[1].hex()[2:34])


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pasted())
@example(CUT_IN_TWO)
def test_no_message_of_the_command_line_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slip: Pasted) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(GOOD)
    for command in COMMANDS:
        arguments = [argument.replace("{}", slip.text.replace("\0", "")) for argument in command]
        assert not shows(_said(arguments), slip.key), command


def test_a_secret_as_an_address_to_listen_on_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.touch(0o600)
    secret = SECRETS[0]
    twice = f'["unix:x{secret.hex()}", "unix:x{secret.hex()}"]'
    path.write_text(f'secret = "{secret.hex()}"\nbind-to = {twice}\n')
    assert _message(path) == f"{path}: bind-to[1]: *** is listed twice"
