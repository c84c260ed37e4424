"""Event streams: where events go."""

from .fanout import Fanout

__all__ = ["Fanout"]
