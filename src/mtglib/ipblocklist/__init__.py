"""Lists of IP addresses to reject or to let in."""

from __future__ import annotations

from .firehol import FireHOL
from .source import SourceStatus

__all__ = ["FireHOL", "SourceStatus"]
