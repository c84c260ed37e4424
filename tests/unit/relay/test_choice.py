"""Which relay does the jobs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import mtglib
from mtglib.reasons import Reason
from mtglib.relay.choice import ChosenRelay, engine_description
from mtglib.relay.job import Job, RelayResult
from support.without_engine import run_without_engine

NATIVE = mtglib.engine_description() == "native"
native_only = pytest.mark.skipif(not NATIVE, reason=f"no native relay: {mtglib.engine_description()}")
CHOICES = [pytest.param("native", marks=native_only), "pure"]


def raw_job() -> tuple[Job, socket.socket, socket.socket]:
    """Return a job, and the peers' ends: the client's and the upstream's."""
    (client, client_end), (upstream, upstream_end) = socket.socketpair(), socket.socketpair()
    for sock in (client, upstream):
        sock.setblocking(False)
    return Job(client, upstream, b"read before", b"", None, 60.0), client_end, upstream_end


def test_pure_is_pure_because_it_was_asked_for() -> None:
    assert engine_description("pure") == ChosenRelay("pure").description == "pure (asked for)"


@native_only
def test_where_the_engine_is_it_is_the_default() -> None:
    assert {ChosenRelay(choice).description for choice in ("auto", "native")} == {"native"}


def test_where_it_is_not_pure_python_takes_its_place_and_says_why() -> None:
    printed = run_without_engine(
        "import mtglib\n"
        "from mtglib.relay.choice import ChosenRelay\n"
        "print(mtglib.engine_description(), '|', ChosenRelay('auto').description, '|', ChosenRelay('pure').description)"
    )
    why = "pure (the Rust extension wasn't built)"
    assert printed == f"{why} | {why} | pure (asked for)"


def test_where_it_is_not_asking_for_it_is_an_error() -> None:
    printed = run_without_engine(
        "import mtglib\n"
        "opts = mtglib.ProxyOpts.with_defaults(mtglib.Secret.generate('a.b'), relay='native')\n"
        "try: mtglib.Proxy(opts)\n"
        "except mtglib.EngineError as error: print(error)"
    )
    assert printed == "relay: expected an engine for 'native', but the Rust extension wasn't built"


def test_an_extension_that_is_broken_is_said_to_be_so(tmp_path: Path) -> None:
    package = tmp_path / "mtglib"
    shutil.copytree(Path(mtglib.__file__).parent, package, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    (package / "_engine.abi3.so").write_bytes(b"not a shared library")
    script = "import mtglib; print(mtglib.engine_description())"

    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{tmp_path}:{Path(pytest.__file__).parents[1]}"},
    )

    assert done.stdout.startswith("pure (the Rust extension can't be loaded: ")


@pytest.mark.parametrize("choice", CHOICES)
async def test_a_job_is_done_by_the_chosen_relay(choice: str) -> None:
    relays, traffic = ChosenRelay(choice), list[tuple[int, int]]()
    job, client, upstream = raw_job()
    with client, upstream:
        upstream.sendall(b"answer")
        upstream.shutdown(socket.SHUT_WR)
        client.shutdown(socket.SHUT_WR)
        result = await relays.run(job, lambda up, down, _ended: traffic.append((up, down)))

        assert (upstream.recv(100), client.recv(100)) == (b"read before", b"answer")
    assert (result.from_client_bytes, result.to_client_bytes) == (11, 6)
    assert result.reason in (Reason.CLIENT_EOF, Reason.UPSTREAM_EOF)
    assert [sum(column) for column in zip(*traffic, strict=True)] == [11, 6]
    assert relays.description.partition(" ")[0] == choice
    await relays.close()
    await relays.close()


async def test_after_a_fork_the_child_is_told_and_its_sockets_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    relays = ChosenRelay("pure")
    job, *ends = raw_job()
    for end in ends:
        end.close()
    assert isinstance(await relays.run(job, lambda *_told: None), RelayResult)

    monkeypatch.setattr(os, "getpid", lambda: -1)
    job, client, upstream = raw_job()
    with client, upstream:
        with pytest.raises(mtglib.EngineError, match="before a fork; create a new Proxy in the child"):
            await relays.run(job, lambda *_told: None)
        assert (client.recv(1), upstream.recv(1)) == (b"", b"")
    monkeypatch.undo()
    await relays.close()
