"""Event streams: where events go."""

from __future__ import annotations

from .fanout import Fanout

__all__ = ["Fanout"]
