"""The default route's source address, asked of the kernel alone."""

from __future__ import annotations

import socket
from typing import Any, Self

import pytest

from mtg import server_address


class Probe:
    """A UDP socket that may be connected and asked for its name; sending fails."""

    name: tuple[Any, ...] = ("192.0.2.9", 1)
    error: OSError | None = None

    def __init__(self, *_: int) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def connect(self, _: tuple[str, int]) -> None:
        if self.error:
            raise self.error

    def getsockname(self) -> tuple[Any, ...]:
        return self.name


@pytest.mark.parametrize(
    ("name", "found"),
    [("192.0.2.9", "192.0.2.9"), ("0.0.0.0", None), ("169.254.1.1", None), ("fe80::1%eth0", None), ("::", None)],
)
def test_only_an_address_that_others_can_use_counts(
    monkeypatch: pytest.MonkeyPatch, name: str, found: str | None
) -> None:
    monkeypatch.setattr(Probe, "name", (name, 1))
    monkeypatch.setattr(socket, "socket", Probe)
    source = server_address.default_source(4)
    assert (source and str(source)) == found


def test_no_route_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "error", OSError(101, "Network is unreachable"))
    monkeypatch.setattr(socket, "socket", Probe)
    assert server_address.default_source(6) is None
