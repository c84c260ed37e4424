"""A user: a name, a secret and limits."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from ..errors import OptionError, SecretEmptyError, SecretInvalidError
from ..ground.checks import check_choice, check_flag, check_int, check_number, check_text
from ..secret import Secret

QuotaPeriod: TypeAlias = Literal["total", "day", "month"]
"""What a quota is for: all time, or each day or month of the calendar, in UTC."""

DEFAULT_USER: Final = "default"
"""The name of the user whose secret is `ProxyOpts.secret`."""

MOST_QUOTA_BYTES: Final = 2**60
_MOST_UNIX: Final = 253_402_300_799.0  # the end of the year 9999
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLimits:
    """What a user may do. A limit that is None doesn't exist.

    A client whose user may not come in gets the fronting site, as a stranger does. Running streams of a user who is
    disabled, removed, expired or over quota end within 5 s.

    Attributes:
        is_enabled: Whether the user may come in at all.
        expires_unix: From when on the user may not, Unix seconds.
        quota_bytes: How much may be relayed for the user, both directions together, 1 to 2**60.
        quota_period: How often that begins anew.
        max_connections: The most connections at once.
        max_networks: The most networks at once that the user's connections come from: IPv4 addresses, and /64s of IPv6.
            One whose connections have moved no byte for 30 s makes room for another.

    Raises:
        OptionError: A value is invalid.
    """

    is_enabled: bool = True
    expires_unix: float | None = None
    quota_bytes: int | None = None
    quota_period: QuotaPeriod = "total"
    max_connections: int | None = None
    max_networks: int | None = None

    def __post_init__(self) -> None:
        check_flag("is_enabled", self.is_enabled)
        if self.expires_unix is not None:
            check_number("expires_unix", self.expires_unix, _MOST_UNIX, least=0)
        if self.quota_bytes is not None:
            check_int("quota_bytes", self.quota_bytes, MOST_QUOTA_BYTES)
        check_choice("quota_period", self.quota_period, get_args(QuotaPeriod))
        for name in ("max_connections", "max_networks"):
            if getattr(self, name) is not None:
                check_int(name, getattr(self, name))


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may use the proxy.

    Attributes:
        name: 1 to 64 letters, digits, dots, underscores and hyphens; in events, metrics and the log.
        secret: What the user's clients authenticate with. Its host is the site that they ask for.
        limits: What the user may do.

    Raises:
        OptionError: A value is invalid.
        SecretEmptyError, SecretInvalidError: The secret is missing or invalid.
    """

    name: str
    secret: Secret
    limits: UserLimits = field(default=UserLimits())

    def __post_init__(self) -> None:
        check_text("name", self.name, _NAME, "1 to 64 letters, digits, dots, underscores and hyphens")
        secret: Any = self.secret
        if secret is None:
            raise SecretEmptyError
        if not isinstance(secret, Secret):
            raise SecretInvalidError(f"a Secret, got {type(secret).__name__}")
        secret.checked()
        if not isinstance(self.limits, UserLimits):
            raise OptionError("limits", f"UserLimits, got {type(self.limits).__name__}")
