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
