"""The program is killed in the middle of everything, and started again."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import mtglib
from support.ports import free_port
from support.program import Program, write

SECRET = mtglib.Secret(bytes(range(16)), "front.example")
GARBAGE = b"GET / HTTP/1.1\r\n\r\n"


def test_after_kill_9_the_next_one_serves_on_the_same_addresses_at_once(tmp_path: Path) -> None:
    port, path = free_port(), tmp_path / "sock"
    with socket.create_server(("127.0.0.1", 0)) as front:
        config = write(
            tmp_path,
            f'bind-to = ["127.0.0.1:{port}", "unix:{path}"]\nsecret = "{SECRET.hex()}"\n'
            f'[domain-fronting]\nip = "127.0.0.1"\nport = {front.getsockname()[1]}\n',
        )
        for _ in range(2):
            with Program("run", config) as program:
                program.started()
                for family, address in ((socket.AF_INET, ("127.0.0.1", port)), (socket.AF_UNIX, str(path))):
                    with socket.socket(family) as visitor:
                        visitor.settimeout(20)
                        visitor.connect(address)
                        visitor.sendall(GARBAGE)
                        site, _ = front.accept()
                        with site:
                            assert site.recv(100) == GARBAGE
                            site.sendall(b"answer")
                            assert visitor.recv(6) == b"answer"
                            if family == socket.AF_UNIX:
                                program.send(signal.SIGKILL)
                                assert site.recv(100) == b"", "the kernel ends what was open"
