"""Who may ask what: everybody who can open the Unix socket may ask everything, over TCP a token is needed."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

import mtglib
from mtg.control.route import RequestError

_TOLD_EACH_SECONDS = 60.0


class AccessControl:
    """Decides for one listener.

    Args:
        is_local: Whether it is the Unix socket, which only this user can open.
        logger: Gets a warning about wrong tokens, at most once a minute.
        clock: Returns monotonic seconds.
    """

    def __init__(self, *, is_local: bool, logger: mtglib.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._is_local = is_local
        self._logger = logger
        self._clock = clock
        self._wrong = 0
        self._told_mono: float | None = None

    def check(self, authorization: str, token: str | None, *, is_open: bool) -> None:
        """Let a request in.

        Args:
            authorization: Its header of this name.
            token: The token that is right; None: there is none.
            is_open: Whether it may come in without a token where there is none.

        Raises:
            RequestError: It may not come in.
        """
        if self._is_local:
            return
        if token is None:
            if not is_open:
                raise RequestError(403, "over TCP, this needs a token, and the configuration has no api-token-file")
            return
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(
            given.strip().encode(errors="replace"), token.encode()
        ):
            if given:
                self._count_wrong()
            raise RequestError(401, "expected the header `Authorization: Bearer TOKEN` with the right token")

    def _count_wrong(self) -> None:
        self._wrong += 1
        now_mono = self._clock()
        if self._told_mono is None or now_mono - self._told_mono >= _TOLD_EACH_SECONDS:
            self._logger.warning(
                f"the API was asked with a wrong token (times since the last such line: {self._wrong})"
            )
            self._told_mono, self._wrong = now_mono, 0
