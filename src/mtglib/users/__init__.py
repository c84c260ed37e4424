"""Users: who may use the proxy, how much, and what they have used."""

from __future__ import annotations

from .user import DEFAULT_USER, QuotaPeriod, User, UserLimits
from .users import Users, UserUsage

__all__ = ["DEFAULT_USER", "QuotaPeriod", "User", "UserLimits", "UserUsage", "Users"]
