"""Where the control socket is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mtg.control_client import socket_places
from mtg.user_error import UserError
from unit.mtg.command_line import SECRET


@pytest.fixture(autouse=True)
def _nobodys_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)


def configured(folder: Path, line: str) -> Path:
    path = folder / "mtg.toml"
    path.write_text(f'secret = "{SECRET.hex()}"\nbind-to = "127.0.0.1:1"\n{line}\n')
    return path


def test_an_option_wins_over_all(tmp_path: Path) -> None:
    config = configured(tmp_path, 'control-socket = "/a/b.sock"')
    assert socket_places(Path("c.sock"), config) == ("c.sock",)
    assert socket_places(None, config) == ("/a/b.sock",)


def test_a_services_socket_comes_before_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert socket_places() == ("/run/mtg/mtg.sock",)
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/7")
    assert socket_places() == ("/run/mtg/mtg.sock", "/run/user/7/mtg.sock")
    assert socket_places(None, configured(tmp_path, "")) == ("/run/mtg/mtg.sock", "/run/user/7/mtg.sock")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/mtg-two:/run/more")
    assert socket_places()[0] == "/run/mtg-two/mtg.sock"


def test_other_problems_of_a_configuration_are_no_obstacle(tmp_path: Path) -> None:
    assert socket_places(None, configured(tmp_path, 'control-socket = "/a/b.sock"\nnonsense = 1')) == ("/a/b.sock",)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('control-socket = "off"', 'control-socket is "off", so this proxy can\'t be asked'),
        ('control-socket = "b.sock"', "control-socket: expected an absolute path"),
        ("control-socket", "expected "),
    ],
)
def test_a_configuration_without_a_usable_socket_is_one_line(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(UserError) as raised:
        socket_places(None, configured(tmp_path, line))
    (told_line,) = raised.value.lines
    assert told_line.startswith(f"{tmp_path}/mtg.toml:")
    assert told in told_line
    assert raised.value.exit_code == 2
