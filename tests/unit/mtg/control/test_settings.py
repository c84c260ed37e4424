"""Where the program can be controlled: what the configuration says, else the environment."""

from __future__ import annotations

from typing import Any

import pytest

import mtglib
from mtg.config import config_from_table
from mtg.control.settings import ControlSettings, control_settings

SECRET = mtglib.Secret(bytes(range(16)), "front.example")


def settings(**table: Any) -> ControlSettings:
    whole = {"secret": SECRET.hex(), "bind-to": "127.0.0.1:0", **table}
    return control_settings(config_from_table(whole, source="test"))


@pytest.mark.parametrize(
    ("environment", "configured", "socket", "is_chosen"),
    [
        ({}, None, None, False),
        ({"XDG_RUNTIME_DIR": "/run/user/7"}, None, "/run/user/7/mtg.sock", False),
        ({"XDG_RUNTIME_DIR": "run"}, None, None, False),
        ({"RUNTIME_DIRECTORY": "/run/mtg:/run/b", "XDG_RUNTIME_DIR": "/x"}, None, "/run/mtg/mtg.sock", False),
        ({"RUNTIME_DIRECTORY": f"/{'x' * 100}"}, None, None, False),
        ({"RUNTIME_DIRECTORY": "/run/mtg"}, "/a/b.sock", "/a/b.sock", True),
        ({"RUNTIME_DIRECTORY": "/run/mtg"}, "off", None, True),
        ({"RUNTIME_DIRECTORY": "/run/mtg"}, "", "/run/mtg/mtg.sock", False),
    ],
)
def test_the_socket(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    configured: str | None,
    socket: str | None,
    is_chosen: bool,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = settings(**({} if configured is None else {"control-socket": configured}))
    assert (found.socket, found.is_socket_chosen, found.is_on) == (socket, is_chosen, socket is not None)


def test_the_api_alone_is_control_too() -> None:
    found = settings(**{"api-bind-to": "[::1]:9"})
    assert [str(listen) for listen in found.api_listens] == ["[::1]:9"]
    assert (found.is_on, found.token) == (True, None)


def test_a_token_is_in_no_repr() -> None:
    token = "0123456789abcdef"
    found = ControlSettings(
        socket=None, is_socket_chosen=False, api_listens=(), token=token, mask_client_addresses=True
    )
    assert token not in repr(found)
