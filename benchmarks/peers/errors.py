"""The errors that end a measurement: above all, the relay under test or the load didn't do its work."""

from __future__ import annotations


class RelayError(Exception):
    """A peer didn't receive the bytes that its partner sent, or a load wasn't there: the number means nothing."""


MEASURING_ERRORS = (RelayError, RuntimeError, OSError)
"""The errors of a proxy, of the load and of the processes; others are bugs of the benchmark."""
