"""What is asked, and what counts as a response, in either version of HTTP."""

from __future__ import annotations

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes

from mtglib import UpstreamError
from mtglib.front.exchange import HTTP1Exchange, HTTP2Exchange
from mtglib.page_urls import Page

PAGE = Page("front.example", "/file")


def asked() -> tuple[HTTP2Exchange, H2Connection]:
    """A request, and the site that has got it."""
    exchange, site = HTTP2Exchange(PAGE), H2Connection(H2Configuration(client_side=False))
    site.receive_data(exchange.request)
    site.initiate_connection()
    return exchange, site


def test_a_response_of_http_1_begins_with_its_first_byte() -> None:
    exchange = HTTP1Exchange(PAGE)

    assert exchange.take(b"") == b""
    assert not exchange.has_begun
    for byte in b"HTTP/1.1 206 Partial Content":
        assert exchange.take(bytes((byte,))) == b""
        assert exchange.has_begun
    assert not exchange.is_over


@pytest.mark.parametrize("start", [b"HTTP/1.1 404 Not Found", b"HTTP/1.1 301 ", b"SSH-2.0-OpenSSH_9", bytes(100)])
def test_anything_else_is_no_page_in_http_1(start: bytes) -> None:
    with pytest.raises(UpstreamError, match="expected HTTP with status 200, got "):
        HTTP1Exchange(PAGE).take(start)


def test_a_response_of_http_2_begins_with_its_headers_and_has_an_end() -> None:
    exchange, site = asked()

    assert site.receive_data(exchange.take(site.data_to_send())), "settings are acknowledged"
    assert not exchange.has_begun
    site.send_headers(1, [(":status", "200")])
    exchange.take(site.data_to_send())
    assert (exchange.has_begun, exchange.is_over) == (True, False)
    site.send_data(1, b"page", end_stream=True)
    exchange.take(site.data_to_send())
    assert exchange.is_over


def test_nothing_keeps_a_site_from_sending_megabytes() -> None:
    exchange, site = asked()
    site.send_headers(1, [(":status", "200")])
    for _ in range(256):
        site.send_data(1, bytes(16_384))
        exchange.take(site.data_to_send())

    assert site.local_flow_control_window(1) > 1_000_000


def test_a_site_is_told_what_chrome_tells_it() -> None:
    """Its frames depend on that: the first header says how large the table is, of which it may use so much."""
    exchange, site = asked()
    told = site.remote_settings
    wanted = {"header_table_size": 65_536, "enable_push": 0, "initial_window_size": 6_291_456}
    assert {name: getattr(told, name) for name in wanted} == wanted
    assert told.max_header_list_size == 262_144
    assert site.outbound_flow_control_window == 65_535 + 15_663_105

    site.send_headers(1, [(":status", "200")])
    assert site.encoder.header_table_size == 65_536
    exchange.take(site.data_to_send())
    assert exchange.has_begun


def test_another_status_is_no_page_in_http_2() -> None:
    exchange, site = asked()
    site.send_headers(1, [(":status", "404")])

    with pytest.raises(UpstreamError, match="expected HTTP with status 200, got '404'"):
        exchange.take(site.data_to_send())


@pytest.mark.parametrize("whole_connection", [True, False])
def test_a_site_may_refuse(whole_connection: bool) -> None:
    exchange, site = asked()
    if whole_connection:
        site.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
    else:
        site.reset_stream(1)

    with pytest.raises(UpstreamError, match="the site has ended the session"):
        exchange.take(site.data_to_send())


def test_what_isnt_http_2_is_told_of() -> None:
    with pytest.raises(UpstreamError, match="broken HTTP/2"):
        HTTP2Exchange(PAGE).take(b"\x00\x00\x01\x04\x00\x00\x00\x00\x00x")
