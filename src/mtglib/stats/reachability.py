"""Reports once that a server can't be reached over UDP, and once that it can be reached again."""

from __future__ import annotations

from ..ground.guarded_logger import GuardedLogger

# A datagram's refusal is reported with the next one, so the first success after a failure proves nothing.
_SENDINGS_TO_BE_SURE = 2


class Reachability:
    """Gets the result of each sending, and logs changes.

    Args:
        server: The server's name.
        logger: Gets a warning with the first error when the server becomes unreachable, and an info message when it is
            back.
    """

    def __init__(self, server: str, logger: GuardedLogger) -> None:
        self._server = server
        self._logger = logger
        self._is_failing = False
        self._good_sendings = 0

    def sent(self, error: OSError | None) -> None:
        """Note a sending, and any error of it or since the last one."""
        if error is not None:
            self._good_sendings = 0
            if not self._is_failing:
                self._is_failing = True
                self._logger.warning(f"{self._server} can't be reached", error=error)
        elif self._is_failing:
            self._good_sendings += 1
            if self._good_sendings == _SENDINGS_TO_BE_SURE:
                self._is_failing = False
                self._logger.info(f"{self._server} can be reached again")
