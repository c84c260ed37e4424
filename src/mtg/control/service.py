"""Waits for the control API's clients, and imports what answers them when the first one comes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial

import mtglib
from mtg.control.program import RunningProgram
from mtg.control.settings import ControlSettings
from mtg.listeners import open_listeners, open_private_socket
from mtg.user_error import UserError
from mtglib.stats import HTTPHandler, serve_http

REQUEST_SECONDS = 5.0
ANSWER_SECONDS = 30.0
"""The list of ten thousand connections has two megabytes."""

MOST_BODY_BYTES = 64 * 1024


@contextmanager
def open_control(settings: ControlSettings, source: str, logger: mtglib.Logger) -> Iterator[Sequence[socket.socket]]:
    """Open the Unix socket and the TCP listener, if there are any; closed at the end.

    A default socket that can't be opened, because another program of this user has it, is a warning.

    Raises:
        UserError: One that the configuration asks for can't be opened.
    """
    with ExitStack() as opened:
        listeners = list(opened.enter_context(open_listeners(settings.api_listens, f"{source}: api-bind-to")))
        if settings.socket is not None:
            try:
                listeners.append(opened.enter_context(open_private_socket(settings.socket)))
            except UserError as error:
                line = f"control-socket: {error.lines[0]}"
                if settings.is_socket_chosen:
                    raise UserError(f"{source}: {line}") from error
                logger.warning(f"{line}; this program can't be controlled")
        yield listeners


async def serve_control(program: RunningProgram, listeners: Sequence[socket.socket]) -> None:
    """Serve until cancelled, and close the listeners at the end, so that a successor gets their places."""
    with ExitStack() as closing:
        for listener in listeners:
            closing.enter_context(listener)
        async with asyncio.TaskGroup() as group:
            for listener in listeners:
                group.create_task(_serve(program, listener), name="control")


async def _serve(program: RunningProgram, listener: socket.socket) -> None:
    is_local = listener.family == socket.AF_UNIX
    await serve_http(
        listener,
        partial(_make_handler, program, is_local),
        request_timeout=REQUEST_SECONDS,
        answer_timeout=ANSWER_SECONDS,
        most_body_bytes=MOST_BODY_BYTES,
        has_json_errors=True,
    )


def _make_handler(program: RunningProgram, is_local: bool) -> HTTPHandler:
    from mtg.control.api import API

    return API(program, is_local=is_local).answer
