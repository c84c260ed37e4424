"""Sites that a proxy may front: a real one, and one that records."""

from __future__ import annotations

from support.nginx_site import PAGES, NginxSite, nginx_is_missing
from support.recording_front import (
    FrontConnection,
    RecordingFront,
    Script,
    answer,
    answer_then_eof,
    listen_only,
    reset_after,
)

__all__ = [
    "PAGES",
    "FrontConnection",
    "NginxSite",
    "RecordingFront",
    "Script",
    "answer",
    "answer_then_eof",
    "listen_only",
    "nginx_is_missing",
    "reset_after",
]
