"""Shows a value of the configuration in a message: short, on one line, without secrets."""

from __future__ import annotations

import json
import re

import mtglib

SHOWN_CHARACTERS = 60
"""Longer texts are cut; correct values are short."""

_USER_PART = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/{1,2})?.*@", re.DOTALL)
_QUERY = re.compile(r"(://[^?#]*[?#]).+", re.DOTALL)
_SECRET_LIKE = re.compile(
    r"(?<![0-9a-z])[0-9a-f]{31,}|(?<![0-9a-z])7[0-9a-z_+/-]{21,}|(?<=secret=)[^&\s]+", re.IGNORECASE
)
"""A key or secret in hex, maybe without its first character; a secret in base64; what a link says it is."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")


def redact(text: str) -> str:
    """`text` with a URL's user part and query, and all that looks like a proxy secret, replaced by `***`."""
    if _is_secret(text):
        return "***"
    return _SECRET_LIKE.sub("***", _QUERY.sub(r"\1***", _USER_PART.sub(r"\1***@", text)))


def shown(value: object) -> str:
    """`value` as TOML would write it, redacted and cut; containers are only named."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _quoted(redact(value))
        case []:
            return "an empty list"
        case dict():
            return "a table"
        case list() | tuple():
            return "a list"
        case _:
            return _cut(str(value))


def shown_key(key: str) -> str:
    """Return a key as TOML writes it: bare if possible, otherwise quoted."""
    clean = redact(key)
    return clean if _BARE_KEY.fullmatch(clean) else _quoted(clean)


def _quoted(text: str) -> str:
    return json.dumps(_cut(text), ensure_ascii=not text.isprintable())


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1] + "…"


def _is_secret(text: str) -> bool:
    try:
        mtglib.Secret.parse(text)
    except mtglib.MtglibError:
        return False
    return True
