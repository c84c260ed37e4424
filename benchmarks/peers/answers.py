"""A TLS site of any number of visitors, and how long hellos wait for their answers."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import NamedTuple

from benchmarks.peers.errors import RelayError
from benchmarks.peers.faketls import Secret, check_answer, signed_client_hello
from benchmarks.peers.session import connect_socket, tune
from benchmarks.peers.tls_context import site_context


class Answered(NamedTuple):
    """The time from a hello to the first byte of its answer, and the whole answer's length."""

    seconds: float
    size_bytes: int


def serve_tls(host: str, listener: socket.socket, _report: Connection) -> None:
    """Shake hands with everyone, and wait until they leave."""
    context = site_context(host)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=_serve_visitor, args=(context, sock), daemon=True).start()


def timed_answers(port: int, secret: Secret, count: int) -> list[Answered]:
    """Be one client after another."""
    answered = []
    for _ in range(count):
        hello = signed_client_hello(secret)
        with connect_socket(port) as sock:
            answered.append(Answered(_wait_for_answer(sock, hello), check_answer(sock, secret, hello)))
    return answered


def timed_visits(port: int, secret: Secret, count: int) -> list[float]:
    """Be one visitor after another, with the hello of a client that has another secret; return their seconds."""
    taken = []
    for _ in range(count):
        hello = signed_client_hello(secret._replace(key=os.urandom(16)))
        with connect_socket(port) as sock:
            taken.append(_wait_for_answer(sock, hello))
    return taken


def _wait_for_answer(sock: socket.socket, hello: bytes) -> float:
    start_mono = time.monotonic()
    sock.sendall(hello)
    if not sock.recv(1, socket.MSG_PEEK):
        raise RelayError("a hello wasn't answered")
    return time.monotonic() - start_mono


def _serve_visitor(context: ssl.SSLContext, sock: socket.socket) -> None:
    tune(sock)
    with suppress(OSError), context.wrap_socket(sock, server_side=True) as connection:
        connection.recv(1)
