"""A type checker finds an embedder's mistakes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

MISTAKES = """\
import asyncio
import socket

import mtglib
from mtglib.antireplay import Exact
from mtglib.events import Fanout
from mtglib.ipblocklist import FireHOL
from mtglib.network import Direct, SocketOptions, Socks5
from mtglib.stats import Prometheus


class Plain:
    def seen_before(self, data: bytes) -> bool:
        return False


class Deaf:
    def send(self) -> None: ...


class Own:
    async def seen_before(self, data: bytes) -> bool:
        return False


secret = mtglib.Secret.generate("front.example")
mtglib.ProxyOpts.with_defaults(secret, concurrency=1000, anti_replay_cache=Own(), network=Direct(), relay="pure")
mtglib.ProxyOpts.with_defaults(secret, concurency=1000)  # mistake: call-arg
mtglib.ProxyOpts.with_defaults(secret, concurrency="1000")  # mistake: arg-type
mtglib.ProxyOpts.with_defaults(secret, prefer_ip="ipv6")  # mistake: arg-type
mtglib.ProxyOpts.with_defaults(secret, relay="rust")  # mistake: arg-type
mtglib.ProxyOpts.with_defaults(secret, network=Direct)  # mistake: arg-type
mtglib.ProxyOpts.with_defaults(secret, anti_replay_cache=Plain())  # mistake: arg-type
mtglib.ProxyOpts.with_defaults(secret, event_stream=Deaf())  # mistake: arg-type
mtglib.ProxyOpts.with_defaults(secret, dc_overrides={2: "127.0.0.1:443", "3": []})  # mistake: dict-item
mtglib.ProxyOpts.with_defaults(secret.hex())  # mistake: arg-type
mtglib.ProxyOpts(secret=secret)  # mistake: call-arg
Exact(max_entries="many")  # mistake: arg-type
Exact(max_entry=5)  # mistake: call-arg
Direct(prefer_ip="ipv4")  # mistake: arg-type
Direct(socket_options=SocketOptions(keepalive=None))  # mistake: call-arg
Socks5("socks5://proxy.example:1080", base="direct")  # mistake: arg-type
Fanout(Prometheus())  # mistake: arg-type
FireHOL(["http://lists.example"], networks=Direct())  # mistake: call-arg


async def main(proxy: mtglib.Proxy) -> None:
    proxy.serve(socket.create_server(("", 0)))  # mistake: unused-coroutine
    await proxy.serve(8443)  # mistake: arg-type
    await proxy.shutdown(grace="5")  # mistake: call-arg


def told(event: mtglib.EventFinish) -> None:
    print(event.reson)  # mistake: attr-defined
    if event.reason is mtglib.Reason.IDEL:  # mistake: attr-defined
        mtglib.EventFinish(reason="idel")  # mistake: arg-type
"""


def test_mypy_finds_all_planted_mistakes_and_no_others(tmp_path: Path) -> None:
    planted = tmp_path / "mistakes.py"
    planted.write_text(MISTAKES)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--no-incremental", str(planted)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    errors = re.findall(r"^\S+?:(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE)
    found = {(int(line), code) for line, code in errors}
    lines = enumerate(MISTAKES.splitlines(), start=1)
    wanted = {(number, line.partition("# mistake: ")[2]) for number, line in lines if "# mistake: " in line}
    assert found == wanted, done.stdout + done.stderr
    assert len(wanted) > 20
