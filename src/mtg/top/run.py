"""`mtg top` itself: on a terminal until a key ends it, or as text or JSON as often as asked for."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from itertools import count, islice
from typing import Any

from rich.console import Console

from mtg.control_client import ControlClient, NotRunningError
from mtg.top.endings import Endings
from mtg.top.picture import make_picture
from mtg.top.screen import WIDEST, Shown, all_lines, screen_lines
from mtg.top.snapshot import take_snapshot
from mtg.top.terminal import Terminal
from mtg.top.view import Action, View
from mtg.top.watch import Watch
from mtg.user_error import UserError


def show_live(client: ControlClient, *, pause_seconds: float) -> None:
    """Draw until the user quits.

    Raises:
        UserError: The proxy can't be asked, or has ended.
    """
    first = take_snapshot(client)
    endings, view = Endings(_another(client)), View()
    with Terminal() as terminal:
        watch = Watch(_another(client), first, pause_seconds=pause_seconds, tell=terminal.wake)
        endings.start()
        watch.start()
        try:
            with suppress(KeyboardInterrupt, EOFError):
                _draw_until_quit(client, terminal, watch, endings, view)
        finally:
            watch.stop()
    if watch.is_over:
        raise NotRunningError(f"the proxy at {client.place} has ended")


def _draw_until_quit(client: ControlClient, terminal: Terminal, watch: Watch, endings: Endings, view: View) -> None:
    picture = watch.picture
    while not watch.is_over:
        if not view.is_paused:
            picture = watch.picture
        terminal.draw(
            screen_lines(Shown(picture, endings.counts, watch.problem, endings.lost_events), view, *terminal.size)
        )
        for key in terminal.wait():
            match view.press(key, picture):
                case Action.QUIT:
                    return
                case Action.REFRESH:
                    watch.refresh()
                case Action.END if view.to_end is not None:
                    view.message = _end(client, view.to_end.id)
                    watch.refresh()


def _end(client: ControlClient, stream_id: str) -> str:
    try:
        client.ask("DELETE", "v1", "connections", stream_id)
    except UserError as error:
        return error.lines[0]
    return "ended"


def show_lines(client: ControlClient, *, pause_seconds: float, times: int | None, as_json: bool) -> None:
    """Print a picture after each pause, as text, or as JSON in one line.

    Raises:
        UserError: The proxy can't be asked, or has ended.
    """
    console = Console(width=WIDEST, highlight=False, file=sys.stdout)
    for number, shown in enumerate(islice(_pictures(client, pause_seconds), times)):
        if as_json:
            print(json.dumps(_as_json(shown)), flush=True)
            continue
        if number:
            console.print()
        for line in all_lines(shown, WIDEST):
            console.print(line, soft_wrap=True)
        sys.stdout.flush()


def _pictures(client: ControlClient, pause_seconds: float) -> Iterator[Shown]:
    before = take_snapshot(client)
    endings = Endings(_another(client))
    endings.start()
    for _ in count():
        time.sleep(pause_seconds)
        now = take_snapshot(client)
        yield Shown(make_picture(before, now), endings.counts, lost_events=endings.lost_events)
        before = now


def _as_json(shown: Shown) -> dict[str, Any]:
    picture = shown.picture
    return {
        "taken_unix": picture.taken_unix,
        "flow": asdict(picture.flow),
        "users": [asdict(user) for user in picture.users],
        "connections": [asdict(connection) for connection in picture.connections],
        "endings": shown.endings,
        "lost_events": shown.lost_events,
        "status": picture.status,
    }


def _another(client: ControlClient) -> ControlClient:
    """A client for another thread."""
    return ControlClient((client.place,))
