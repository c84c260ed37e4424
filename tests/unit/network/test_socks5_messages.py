"""SOCKS5 byte by byte."""

from __future__ import annotations

import contextlib
import ipaddress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mtglib.network.errors import TargetUnreachableError
from mtglib.network.socks5_messages import Exchange, connect, greet

GRANTED = b"\5\0\0\1\x7f\0\0\1\x1f\x90"
NO_PASSWORD, PASSWORD = b"\5\0", b"\5\2"


def talk(stream: bytes, host: str = "name.example", port: int = 443, *credentials: bytes) -> tuple[list[bytes], bytes]:
    """Hold both conversations with a proxy that sends `stream`; returns what was sent, and what was left unread.

    The stream's end is an EOFError.
    """
    sent = []
    for conversation in (greet(*credentials), connect(host, port)):
        with contextlib.suppress(StopIteration):
            exchange = next(conversation)
            while True:
                sent += [exchange.send] if exchange.send else []
                part, stream = stream[: exchange.receive_bytes], stream[exchange.receive_bytes :]
                if len(part) < exchange.receive_bytes:
                    raise EOFError
                exchange = conversation.send(part)
    return sent, stream


def test_names_are_left_to_the_proxy() -> None:
    sent, _ = talk(NO_PASSWORD + GRANTED)

    assert sent == [b"\5\1\0", b"\5\1\0\3\x0cname.example\x01\xbb"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("192.0.2.1", b"\1\xc0\0\2\1"),
        ("::ffff:192.0.2.1", b"\1\xc0\0\2\1"),
        ("2001:db8::1", b"\4" + ipaddress.IPv6Address("2001:db8::1").packed),
        ("bücher.example", b"\3\x15xn--bcher-kva.example"),
    ],
)
def test_a_target_is_sent_in_its_own_form(host: str, address: bytes) -> None:
    assert talk(NO_PASSWORD + GRANTED, host, 80)[0][-1] == b"\5\1\0" + address + b"\0\x50"


def test_user_and_password_are_sent_if_the_proxy_asks() -> None:
    methods = b"\5\2\0\2"

    assert talk(PASSWORD + b"\1\0" + GRANTED, "a", 80, b"me", b"pass")[0][:2] == [methods, b"\1\2me\4pass"]
    assert len(talk(NO_PASSWORD + GRANTED, "a", 80, b"me", b"pass")[0]) == 2


@pytest.mark.parametrize(
    "bound", [b"\1" + bytes(4), b"\4" + bytes(16), b"\3\0", b"\3\5abcde", b"\3\xff" + bytes(255)], ids=len
)
def test_what_follows_the_reply_is_left_unread(bound: bytes) -> None:
    assert talk(NO_PASSWORD + b"\5\0\0" + bound + b"\1\2" + b"the target's")[1] == b"the target's"


@pytest.mark.parametrize("code", [3, 4, 5, 6, 8])
def test_a_reply_about_the_target_is_an_error_of_its_own(code: int) -> None:
    with pytest.raises(TargetUnreachableError, match=rf"replies [a-zA-Z ]+ \({code}\)"):
        talk(NO_PASSWORD + bytes([5, code]))


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (b"HTTP/1.1 400 Bad Request", "doesn't speak SOCKS5"),
        (b"\4\0", "doesn't speak SOCKS5"),
        (b"\5\xff", "requires a user name and password"),
        (b"\5\2", "wasn't offered"),
        (b"\5\1", "wasn't offered"),
        (NO_PASSWORD + b"HTTP", "doesn't speak SOCKS5"),
        (NO_PASSWORD + b"\5\1", r"general SOCKS server failure \(1\)"),
        (NO_PASSWORD + b"\5\2", r"not allowed by ruleset \(2\)"),
        (NO_PASSWORD + b"\5\7", r"command not supported \(7\)"),
        (NO_PASSWORD + b"\5\x63", r"unknown code \(99\)"),
        (NO_PASSWORD + b"\5\0\1\1\0", "malformed"),
        (NO_PASSWORD + b"\5\0\0\2\0", "malformed"),
    ],
)
def test_a_proxy_that_will_not_or_can_not_is_an_os_error(stream: bytes, text: str) -> None:
    with pytest.raises(OSError, match=text) as caught:
        talk(stream)
    assert not isinstance(caught.value, TargetUnreachableError)


@pytest.mark.parametrize(
    ("stream", "text"),
    [
        (b"\5\xff", "doesn't accept a user"),
        (PASSWORD + b"\1\1", "rejected the user"),
        (PASSWORD + b"HT", "malformed reply"),
    ],
)
def test_a_password_in_vain_is_an_os_error_without_it(stream: bytes, text: str) -> None:
    with pytest.raises(OSError, match=text) as caught:
        talk(stream, "a", 80, b"me", b"pass")
    assert "pass" not in str(caught.value).replace("user name and password", "")


@pytest.mark.parametrize(("host", "port"), [("", 80), ("a." * 200, 80), ("a" * 64, 80), ("a", 0), ("a", 65536)])
def test_what_can_not_be_asked_for_is_an_os_error(host: str, port: int) -> None:
    with pytest.raises(TargetUnreachableError, match="can't be asked"):
        next(connect(host, port))


@given(st.binary(max_size=600), st.text(max_size=300), st.integers(-1, 70000), st.binary(min_size=1, max_size=255))
@example(NO_PASSWORD + GRANTED, "a", 1, b"u")
def test_nothing_but_os_errors_comes_of_any_stream(stream: bytes, host: str, port: int, user: bytes) -> None:
    for credentials in ((), (user, user)):
        with contextlib.suppress(OSError, EOFError):
            _, left = talk(stream, host, port, *credentials)
            assert len(stream) - len(left) <= 2 + 2 + 262


@given(user=st.binary(min_size=1, max_size=255), password=st.binary(max_size=255))
def test_any_user_and_password_arrive_as_they_are(user: bytes, password: bytes) -> None:
    sent = talk(PASSWORD + b"\1\0" + GRANTED, "a", 80, user, password)[0][1]

    assert sent[0] == 1
    assert sent[2 : 2 + sent[1]] == user
    assert sent[3 + sent[1] :] == password
    assert sent[2 + sent[1]] == len(password)


@given(ip=st.ip_addresses(), port=st.integers(1, 65535))
def test_any_address_arrives_as_bytes(ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    sent = talk(NO_PASSWORD + GRANTED, str(ip), port)[0][-1]
    canonical = getattr(ip, "ipv4_mapped", None) or ip

    assert sent == b"\5\1\0" + bytes([1 if canonical.version == 4 else 4]) + canonical.packed + port.to_bytes(2)


def test_a_server_that_answers_a_password_with_its_own_version_is_understood() -> None:
    assert talk(PASSWORD + b"\5\0" + GRANTED, "a", 80, b"me", b"")[0][1] == b"\1\2me\0"


def test_a_refusal_is_not_waited_for_to_its_end() -> None:
    conversation = connect("a", 80)
    assert next(conversation).receive_bytes == 2
    with pytest.raises(TargetUnreachableError):
        conversation.send(b"\5\5")


def test_nothing_is_sent_twice() -> None:
    conversation = connect("a", 80)
    assert next(conversation) == Exchange(b"\5\1\0\3\1a\0\x50", 2)
    assert conversation.send(b"\5\0") == Exchange(b"", 3)
    assert conversation.send(b"\0\1\x7f") == Exchange(b"", 5)
    with pytest.raises(StopIteration):
        conversation.send(b"\0\0\1\x1f\x90")
