"""Event streams, which pass events on to observers."""

from __future__ import annotations

from .fanout import Fanout

__all__ = ["Fanout"]
