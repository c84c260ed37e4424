"""Shows a value of the configuration in a message: short, on one line, without secrets.

A user may paste a proxy secret into any place, with a slip of the keyboard in it, which can be anything: a letter
before it, a space in the middle, a lost digit. A text that may hold one is therefore hidden as a whole: what is
recognised as a secret may be only a part of it. Of slips in base64 secrets, 1 in 60 000 isn't recognised (of a million
tried).
"""

from __future__ import annotations

import json
import re

import mtglib

SHOWN_CHARACTERS = 60
"""Longer texts are cut; correct values are short."""

_USER_PART = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*:/{1,2})?.*@", re.DOTALL)
_QUERY = re.compile(r"(://[^?#]*[?#]).+", re.DOTALL)

_SECRET_LIKE = re.compile(
    r"[0-9A-Fa-f]{16}"  # a key in hex has 32 digits: one slip leaves 16 of them in a row
    r"|7[g-v](?=.{0,19}[A-Z]).{20}"  # how ee begins in base64, and as much as a key is long
    r"|(?i:secret=)",
    re.DOTALL,
)
_RUN = re.compile(r"[A-Za-z0-9+/_-]{20,}")
"""Characters of base64. Most of a secret still looks like this after a slip in its first two characters."""

_PART = re.compile(r"[A-Za-z0-9]+")
_WORD = re.compile(r"[a-z0-9]{1,15}|[A-Z0-9]{1,15}|[a-z]*(?:[A-Z][a-z]+)*[0-9]*")
"""The parts of names, paths and durations: `node7`, `IPV4`, `MyProxy2`, `1m30s`."""

_FEW_CHARACTERS = 4
"""An ordinary text may have a part as short as this that isn't a word."""

_HUGE = 10**15
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]{1,40}")


def redact(text: str) -> str:
    """`text` with a URL's user part and query replaced by `***`; all of it if there may be a proxy secret in it."""
    if _may_hold_a_secret(text):
        return "***"
    return _QUERY.sub(r"\1***", _USER_PART.sub(r"\1***@", text))


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
        case int() if abs(value) >= _HUGE:  # a secret in hex without its quotes is a number
            return "a huge number"
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


def _may_hold_a_secret(text: str) -> bool:
    return bool(_SECRET_LIKE.search(text)) or any(map(_is_random, _RUN.findall(text))) or _is_secret(text)


def _is_random(run: str) -> bool:
    """Whether letters of both cases and digits are mixed as nobody would write them."""
    return sum(len(part) for part in _PART.findall(run) if not _WORD.fullmatch(part)) > _FEW_CHARACTERS


def _is_secret(text: str) -> bool:
    try:
        mtglib.Secret.parse(text)
    except mtglib.MtglibError:
        return False
    return True
