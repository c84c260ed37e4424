"""Decrypts what comes from one peer, and encrypts it for the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ..wire.aes_ctr import CipherState

Transform: TypeAlias = Callable[[bytes], bytes]


def recrypt(decrypt: CipherState, encrypt: CipherState) -> Transform:
    """Return what does so with one direction of a job, piece by piece."""
    decryptor, encryptor = decrypt.start(), encrypt.start()
    return lambda data: encryptor.update(decryptor.update(data))
