"""The address of a list: what of it may be shown, and what may not."""

from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit


@dataclass(frozen=True, slots=True)
class ListURL:
    """An http(s) URL.

    Attributes:
        text: The whole.
        label: Its scheme, host, port and path.
        secrets: What is missing from the label and must not be shown elsewhere; the longest first.
    """

    text: str
    label: str
    secrets: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "ListURL":
        """Take a URL apart.

        Raises:
            ValueError: It isn't one with a host. The error may repeat a secret.
        """
        parts = urlsplit(text if text.isprintable() and " " not in text else "")
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError(text)
        host = parts.netloc.rpartition("@")[2]
        return cls(text, f"{parts.scheme}://{host}{parts.path}", _secrets(parts))


def _secrets(parts: SplitResult) -> tuple[str, ...]:
    user = parts.netloc.rpartition("@")[0]
    found = {user, user.partition(":")[2], parts.query, parts.fragment} - {""}
    return tuple(sorted(found, key=len, reverse=True))
