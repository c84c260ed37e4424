"""Asks a running proxy over its control socket: where that is, and what can go wrong on the way.

It needs nothing but the standard library, so that a command that asks a question doesn't wait for imports.
"""

from __future__ import annotations

from mtg.control_client.client import ControlClient
from mtg.control_client.errors import APIError, NotRunningError, UnansweredError, reading_answers
from mtg.control_client.places import socket_places

__all__ = ["APIError", "ControlClient", "NotRunningError", "UnansweredError", "reading_answers", "socket_places"]
