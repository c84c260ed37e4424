"""The tree of errors: whose fault it is, and one line that says what would have been right."""

from __future__ import annotations

import pytest

import mtglib
from mtglib import errors


def test_all_have_one_base() -> None:
    tree = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)]

    assert len(tree) > 10
    assert all(issubclass(error, mtglib.MtglibError) for error in tree)


def test_option_error_names_field_and_expectation() -> None:
    error = mtglib.OptionError("concurrency", "a positive integer", 0)

    assert str(error) == "concurrency: expected a positive integer, got 0"
    assert (error.field, error.expected) == ("concurrency", "a positive integer")
    assert isinstance(error, ValueError)


class Unprintable:
    """Something whose text is a burden."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def __repr__(self) -> str:
        assert self.text is not None
        return self.text


def test_option_error_tells_none_from_nothing() -> None:
    assert str(mtglib.OptionError("port", "a number", None)) == "port: expected a number, got None"
    assert str(mtglib.OptionError("port", "a number")) == "port: expected a number"


@pytest.mark.parametrize(
    "got",
    [Unprintable(None), Unprintable("a\nb"), Unprintable(""), 10**10_000],
    ids=["raises", "two lines", "nothing", "many digits"],
)
def test_option_error_is_one_line_whatever_it_got(got: object) -> None:
    assert str(mtglib.OptionError("x", "y", got)) == f"x: expected y, got something of type {type(got).__name__}"


def test_option_error_cuts_what_is_long() -> None:
    assert str(mtglib.OptionError("x", "y", "z" * 10_000)) == f"x: expected y, got '{'z' * 199}..."


def test_a_proxy_that_was_shut_down_is_one_used_where_it_cannot_be() -> None:
    assert issubclass(mtglib.ProxyShutDownError, errors.ProxyUseError)
    assert issubclass(errors.ProxyUseError, RuntimeError)


def test_secret_errors_have_no_place_for_the_text() -> None:
    assert str(mtglib.SecretEmptyError()) == "secret: expected a secret, got nothing"
    assert str(mtglib.SecretInvalidError("hex")) == "secret: expected hex"
    with pytest.raises(TypeError):
        mtglib.SecretInvalidError("hex", "ee00")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "error", [mtglib.OptionError, mtglib.ProxyShutDownError, mtglib.EngineError, mtglib.UpstreamError]
)
def test_nobody_else_counts_as_the_clients_fault(error: type[Exception]) -> None:
    assert not issubclass(error, mtglib.ClientError)
