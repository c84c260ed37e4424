"""What ends a measurement: above all, that the relay under test or the load didn't do its work."""

from __future__ import annotations


class RelayError(Exception):
    """A peer received something other than what its partner sent, or a load wasn't there: the number means nothing."""


MEASURING_ERRORS = (RelayError, RuntimeError, OSError)
"""The errors of a proxy, of the load and of the processes; others are bugs of the benchmark."""
