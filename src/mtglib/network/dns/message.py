"""DNS queries and answers as bytes (RFC 1035): no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode

RecordType = Literal["A", "AAAA"]

_MAX_ADDRESSES: Final = 32
_PADDING_BYTES: Final = 128  # RFC 8467: it hides the length of the name


class DNSError(OSError):
    """A server's answer is of no use: broken, not to our question, or its own failure."""


class NoHostNameError(OSError):
    """The name isn't a valid host name; no server was asked."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's reply.

    Attributes:
        addresses: At most 32; none if the name doesn't exist, or has no address of this kind.
        ttl_seconds: How long the answer is valid, according to the server.
    """

    addresses: tuple[str, ...]
    ttl_seconds: int


class Query:
    """A query, with the data to recognise its answer.

    Args:
        name: A host name; one that isn't ASCII is sent in its IDNA form.
        kind: "A" or "AAAA".
        number: The query's id; None: a random one.
        padded: Fill up to a multiple of 128 bytes, for encrypted transports.

    Raises:
        NoHostNameError: `name` isn't a valid host name.
    """

    def __init__(self, name: str, kind: RecordType, *, number: int | None = None, padded: bool = False) -> None:
        try:
            labels = name.rstrip(".").encode("idna").split(b".")
            self._message = dns.message.make_query(
                dns.name.Name([*labels, b""]), kind, id=number, use_edns=padded, pad=_PADDING_BYTES if padded else 0
            )
            self.wire = self._message.to_wire()
        except (UnicodeError, dns.exception.DNSException) as error:
            raise NoHostNameError(f"{name!r} isn't a host name") from error

    def is_answered_by(self, wire: bytes) -> bool:
        """Return whether bytes are an answer to exactly this question; it may be truncated."""
        return (answer := self._parse(wire)) is not None and self._message.is_response(answer)

    def is_truncated(self, wire: bytes) -> bool:
        """Return whether an answer was truncated because it didn't fit."""
        answer = self._parse(wire)
        return answer is not None and bool(answer.flags & dns.flags.TC)

    def read(self, wire: bytes) -> Reply:
        """Parse an answer.

        Raises:
            DNSError: It is broken, answers something else, or says that the server has failed.
        """
        answer = self._parse(wire)
        if not isinstance(answer, dns.message.QueryMessage) or not self._message.is_response(answer):
            raise DNSError("sent an answer to another question")
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise DNSError(f"says {dns.rcode.to_text(answer.rcode())}")
        try:
            chain = answer.resolve_chaining()
        except dns.exception.DNSException as error:
            raise DNSError("sent an answer that makes no sense") from error
        records = chain.answer or ()
        return Reply(tuple(record.address for record in records)[:_MAX_ADDRESSES], chain.minimum_ttl)

    def _parse(self, wire: bytes) -> dns.message.Message | None:
        try:
            return dns.message.from_wire(wire, ignore_trailing=True)
        except (dns.exception.DNSException, ValueError, IndexError):  # all that malformed bytes can cause
            return None
