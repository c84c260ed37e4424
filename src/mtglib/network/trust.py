"""The default trusted certificates of TLS: the system's authorities."""

from __future__ import annotations

import asyncio
import os
import ssl
import stat
import threading
from functools import lru_cache
from typing import Final, Literal, TypeAlias

_Stamp: TypeAlias = tuple[str | None, str | None, int, int]
_MAX_KEPT: Final = 2  # one for each purpose

_making = threading.Lock()


async def default_context(purpose: Literal["dns", "http"]) -> ssl.SSLContext:
    """Return a client context, shared by all callers with the same purpose, which sets its ALPN protocols.

    Reading the authorities takes about 20 ms, so it is done in a thread, and again only if their file has changed.

    Raises:
        OSError: The authorities' file, which SSL_CERT_FILE may set, isn't a regular file, so reading it might never
            end.
    """
    return await asyncio.to_thread(_kept, purpose, _stamp())


def _kept(purpose: str, stamp: _Stamp) -> ssl.SSLContext:
    with _making:
        return _made(purpose, stamp)


@lru_cache(maxsize=_MAX_KEPT)
def _made(_purpose: str, _of: _Stamp) -> ssl.SSLContext:
    return ssl.create_default_context()


def _stamp() -> _Stamp:
    paths = ssl.get_default_verify_paths()
    cafile = os.environ.get(paths.openssl_cafile_env, paths.openssl_cafile)  # where OpenSSL looks for it
    try:
        status = os.stat(cafile)
    except OSError:
        return cafile, paths.capath, 0, 0
    if not stat.S_ISREG(status.st_mode):
        raise OSError(f"not a file of certificate authorities: {cafile}")
    return cafile, paths.capath, status.st_mtime_ns, status.st_size
