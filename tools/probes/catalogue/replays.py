"""A censor's recordings, sent again: immediately, later, and with their clock set to now."""

from __future__ import annotations

from collections.abc import Callable

from tools.probes.probe import Probe, Script, Visit, pause
from tools.probes.recordings import Recording

_AGE_SECONDS = 12.0  # beyond the tolerance for clocks, 5 s either way

Pick = Callable[[Recording], bytes]


def _hello(recording: Recording) -> bytes:
    return recording.hello


def _whole(recording: Recording) -> bytes:
    return recording.hello + recording.rest


def _replay(pick: Pick, *, group: str = "", retime: bool = False, then_end: bool = False) -> Script:
    async def script(visit: Visit) -> None:
        recording = await visit.shared.recorder.recording(f"{group or visit.probe} {visit.number}")
        if retime:
            recording = recording.retimed()
        connection = await visit.connect()
        await connection.send(pick(recording))
        if then_end:
            connection.end()

    return script


def _aged(pick: Pick, *, retime: bool) -> Script:
    """Wait until the recording is older than the tolerance for clocks; each try by itself, to keep their distance."""
    replay = _replay(pick, group="aged", retime=retime)

    async def script(visit: Visit) -> None:
        await visit.shared.recorder.recording(f"aged {visit.number}")
        await pause(_AGE_SECONDS)
        await replay(visit)

    return script


PROBES = [
    Probe(name="replay-hello", kind="replay", script=_replay(_hello)),
    Probe(name="replay-hello-fin", kind="replay", script=_replay(_hello, then_end=True)),
    Probe(name="replay-all", kind="replay", script=_replay(_whole)),
    Probe(name="replay-retimed", kind="replay", script=_replay(_hello, retime=True)),
    Probe(name="replay-retimed-all", kind="replay", script=_replay(_whole, retime=True)),
]
LATE = [
    Probe(name="late-hello", kind="late", script=_aged(_hello, retime=False), in_short=False),
    Probe(name="late-retimed", kind="late", script=_aged(_hello, retime=True), in_short=False),
    Probe(name="late-retimed-all", kind="late", script=_aged(_whole, retime=True), in_short=False),
]
