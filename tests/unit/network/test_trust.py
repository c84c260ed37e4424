"""Whom TLS trusts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mtglib.network.trust import default_context


async def test_a_pipe_in_place_of_the_authorities_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "authorities")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities"))

    with pytest.raises(OSError, match=r"^not a file of certificate authorities: .*/authorities$"):
        await default_context("dns")


async def test_authorities_that_are_not_there_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))

    assert (await default_context("dns")).get_ca_certs() == []
