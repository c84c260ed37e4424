"""The generated configuration and the lines that `mtg quickstart` prints."""

from __future__ import annotations

import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from mtg import quickstart as module
from mtg.config import Loaded, load_config
from mtg.quickstart import DEFAULT_HOST, link_lines, quickstart, write_config
from mtg.user_error import UserError


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[Loaded]:
    """What would be served; the announcement is made as if the listeners were open."""
    started: list[Loaded] = []

    def run_proxy(loaded: Loaded, *, on_listening: Callable[[Sequence[object]], None]) -> int:
        started.append(loaded)
        on_listening([])
        return 0

    monkeypatch.setattr(module, "run_proxy", run_proxy)
    return started


def test_a_generated_file_is_private_loads_without_a_warning_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mtg.toml"
    write_config(path, host="front.example", port=8443, server=None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    loaded = load_config(path)
    assert loaded.warnings == ()
    assert loaded.secret.host == "front.example"
    assert [str(listen) for listen in loaded.config.bind_to] in (["[::]:8443"], ["0.0.0.0:8443"])
    assert loaded.config.fast_mode is True
    with pytest.raises(UserError, match="File exists"):
        write_config(path, host="front.example", port=8443, server=None)


def test_each_file_has_a_secret_of_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_config(tmp_path / name, host="front.example", port=1, server=None)
    assert load_config(tmp_path / "a").secret != load_config(tmp_path / "b").secret


@pytest.mark.parametrize(("server", "key"), [("198.51.100.7", "public_ipv4"), ("2001:db8::7", "public_ipv6")])
def test_an_address_for_the_link_is_kept(tmp_path: Path, server: str, key: str) -> None:
    path = tmp_path / "mtg.toml"
    write_config(path, host="front.example", port=1, server=server)
    assert str(getattr(load_config(path).config, key)) == server


@pytest.mark.parametrize("host", ["", "a b", "ü.example", "x" * 183])
def test_a_host_that_cannot_be_fronted_makes_no_file(tmp_path: Path, host: str) -> None:
    path = tmp_path / "mtg.toml"
    with pytest.raises(UserError, match=r"^--host: expected ") as raised:
        write_config(path, host=host, port=1, server=None)
    assert raised.value.exit_code == 2
    assert not path.exists()


def test_a_directory_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="No such file or directory"):
        write_config(tmp_path / "no" / "mtg.toml", host="front.example", port=1, server=None)


def test_a_first_start_makes_a_file_and_advises_an_own_site(
    tmp_path: Path, served: list[Loaded], capsys: pytest.CaptureFixture[str]
) -> None:
    assert quickstart(tmp_path / "c.toml", host=None, port=None, server=None) == 0
    out = capsys.readouterr().out
    assert "created, with a new secret" in out
    assert (
        f"Anyone who isn't a client is shown {DEFAULT_HOST}. For a site of your own, delete {tmp_path / 'c.toml'} and"
        in out
    )
    assert "tg://proxy?server=" in out
    assert served[0].secret.hex() in out


def test_a_second_start_changes_nothing_and_says_what_differs(
    tmp_path: Path, served: list[Loaded], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.toml"
    quickstart(path, host="front.example", port=8443, server=None)
    before = path.read_bytes()
    capsys.readouterr()
    quickstart(path, host="other.example", port=443, server=None)
    out = capsys.readouterr().out
    assert path.read_bytes() == before
    new = f"Delete {path} to make a new one (that changes the link)."
    assert f"{path} shows front.example; HOST= or --host was ignored. {new}" in out
    assert f"{path} listens on port 8443; PORT= or --port was ignored. Change bind-to there." in out
    assert served[0].secret == served[1].secret


def test_a_second_start_that_asks_for_the_same_says_nothing_of_it(
    tmp_path: Path, served: list[Loaded], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        quickstart(tmp_path / "c.toml", host="front.example", port=8443, server=None)
    out = capsys.readouterr().out
    assert "ignored" not in out


@pytest.mark.parametrize(
    ("server", "note"),
    [
        ("proxy.example", "Open this link in Telegram:"),
        ("8.8.8.8", "Open this link in Telegram:"),
        (
            "10.0.0.1",
            "Open this link in Telegram. 10.0.0.1 is a private address, so it works only on your local network; ",
        ),
        ("127.0.0.1", "Open this link in Telegram. 127.0.0.1 works on this machine only; set SERVER= or"),
    ],
)
def test_the_link_has_the_given_server_and_its_reach(tmp_path: Path, server: str, note: str) -> None:
    write_config(tmp_path / "c.toml", host="front.example", port=1, server=None)
    lines = link_lines(load_config(tmp_path / "c.toml"), server, 8443)
    assert lines[1].startswith(note)
    assert lines[3].startswith(f"  tg://proxy?server={server}&port=8443&secret=ee")


@pytest.mark.parametrize("server", ["a b", "", "a..b", "http://x", "[::x]"])
def test_a_server_that_no_link_can_have_makes_no_file(tmp_path: Path, served: list[Loaded], server: str) -> None:
    path = tmp_path / "c.toml"
    with pytest.raises(UserError, match=r"^--server: expected an IP address or a name"):
        quickstart(path, host=None, port=None, server=server)
    assert not path.exists()
    assert served == []


def test_an_address_in_brackets_is_an_address(
    tmp_path: Path, served: list[Loaded], capsys: pytest.CaptureFixture[str]
) -> None:
    quickstart(tmp_path / "c.toml", host=None, port=None, server="[2a00::7]")
    assert "tg://proxy?server=2a00%3A%3A7&" in capsys.readouterr().out
    assert str(served[0].config.public_ipv6) == "2a00::7"


def test_without_any_route_the_link_is_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_config(tmp_path / "c.toml", host="front.example", port=1, server=None)
    monkeypatch.setattr(module, "server_address", lambda *_: None)
    monkeypatch.setattr(module, "default_source", lambda _: None)
    assert " 127.0.0.1 works on this machine only" in link_lines(load_config(tmp_path / "c.toml"), None, 1)[1]
