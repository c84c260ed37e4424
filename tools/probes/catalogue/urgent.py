"""Urgent bytes: a site's kernel takes them out of the stream, and one that is left unread makes a FIN a RST."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tools.probes.catalogue.hellos import NO_HELLO
from tools.probes.probe import Probe, Script, Visit, pause

_HTTP = b"GET / HTTP/1.0\r\n\r\n"
_CUT_AT = 200
_RESET_SECONDS = 1.0

_Step = Callable[[Visit], bytes] | bytes | str | float
"""Bytes, or what makes them; "!": an urgent byte; what ends with one: bytes in one write, the last of them urgent; a
pause; "fin": a FIN; "end": waits for the site's."""


def _start(visit: Visit) -> bytes:
    return visit.foreign_hello()[:_CUT_AT]


def _rest(visit: Visit) -> bytes:
    return visit.foreign_hello()[_CUT_AT:]


def _hello(visit: Visit) -> bytes:
    return visit.foreign_hello()


_P: Final = 0.02
_SCRIPTS: dict[str, tuple[_Step, ...]] = {
    "alone": ("!",),
    "alone-later": (_P, "!"),
    "alone-fin": ("!", _P, "fin"),
    "two-alone": ("!", _P, "!"),
    "first": ("!", _P, _HTTP),
    "first-hello": ("!", _P, _hello),
    "hello-in-two": (_start, _P, "!", _P, _rest),
    "hello-in-two-slow": (_start, 0.3, "!", 0.3, _rest),
    "hello-in-two-twice": (_start, _P, "!", _P, "!", _P, _rest),
    "half-hello": (_start, _P, "!"),
    "half-hello-fin": (_start, _P, "!", _P, "fin"),
    "behind-hello": (_hello, _P, "!"),
    "behind-hello-fin": (_hello, _P, "!", _P, "fin"),
    "behind-hello-http": (_hello, _P, "!", _P, _HTTP),
    "with-http": (_HTTP.decode() + "!",),
    "end-of-http": (_HTTP.decode(),),
    "with-no-hello": (NO_HELLO.decode("latin-1") + "!",),
    "in-http": (_HTTP[:7], _P, "!", _P, _HTTP[7:]),
    "behind-http": (_HTTP, _P, "!"),
    "behind-http-1ms": (_HTTP, 0.001, "!"),
    "behind-http-twice": (_HTTP, _P, "!", _P, "!"),
    "behind-http-fin": (_HTTP, _P, "!", _P, "fin"),
    "behind-fin": (_HTTP, "end", "!"),
    "behind-fin-later": (_HTTP, "end", 0.1, "!"),
    "behind-fin-more": (_HTTP, "end", "!", _P, b"more"),
}
_VARIES = ("alone", "behind-http-1ms")
"""The site's answer depends on whether the byte comes before its first read, or before it has closed."""


def _script(steps: tuple[_Step, ...]) -> Script:
    async def script(visit: Visit) -> None:
        connection = await visit.connect()
        for step in steps:
            if isinstance(step, float):
                await pause(step)
            elif step == "fin":
                connection.end()
            elif step == "end":
                if not await connection.ended(visit.probe_seconds - _RESET_SECONDS):
                    return
            elif isinstance(step, str):
                connection.send_urgent(step.encode("latin-1"))
            else:
                await connection.send(step if isinstance(step, bytes) else step(visit))
        if "end" in steps:
            await connection.ended(_RESET_SECONDS, by_reset=True)

    return script


PROBES = [
    Probe(
        name=f"urgent-{name}",
        kind="urgent",
        script=_script(steps),
        is_slow_to_show=steps[0] in (_P, "!", _start),
        in_short=name not in _VARIES,
        watch_seconds=4.0,
    )
    for name, steps in _SCRIPTS.items()
]
