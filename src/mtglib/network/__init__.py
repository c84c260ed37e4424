"""Networks: ways to reach others."""

from .direct import Direct

__all__ = ["Direct"]
