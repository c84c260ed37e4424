"""What a peer raises when the relay under test did not do its work."""

from __future__ import annotations


class RelayError(Exception):
    """A peer received something other than what its partner sent: the measurement is worthless."""
