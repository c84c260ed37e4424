"""The tree of errors: whose fault it is, and one line that says what would have been right."""

from __future__ import annotations

import copy
import functools
import importlib
import pickle
import pkgutil
from collections.abc import Callable

import pytest

import mtglib
from mtglib import errors
from mtglib.ipblocklist.list_error import ListError
from mtglib.network import CircuitOpenError, ResolverClosedError
from mtglib.network.dns.message import DNSError, NoHostNameError
from mtglib.network.errors import TargetUnreachableError
from mtglib.stats import AiohttpIsMissingError
from mtglib.users.usage_errors import UsageFileAwayError, UsageFileBrokenError, UsageFileTakenError

PART_ERRORS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and mtglib.PartIsNotDefinedError in kind.__bases__
]


def _pickled(error: Exception, protocol: int) -> object:
    return pickle.loads(pickle.dumps(error, protocol))


PICKLES = [functools.partial(_pickled, protocol=protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]


def test_all_have_one_base() -> None:
    tree = [error for error in vars(errors).values() if isinstance(error, type) and issubclass(error, Exception)]

    assert len(tree) > 10
    assert all(issubclass(error, mtglib.MtglibError) for error in tree)


MADE = [
    AiohttpIsMissingError(),
    mtglib.MtglibError("what was wrong"),
    mtglib.OptionError("port", "a number", "x"),
    mtglib.UnknownOptionError("concurency", ["concurrency"]),
    *(kind("part", "an object with send") for kind in (mtglib.PartIsNotDefinedError, *PART_ERRORS)),
    mtglib.SecretEmptyError(),
    mtglib.SecretInvalidError("hex"),
    mtglib.ProxyUseError("elsewhere"),
    mtglib.ProxyShutDownError("over"),
    mtglib.EngineError("not built"),
    mtglib.ClientError(mtglib.Reason.SNI, "another host"),
    mtglib.UpstreamError("silence"),
    CircuitOpenError("a proxy is down"),
    DNSError("a broken answer"),
    ListError("not found"),
    NoHostNameError("no such name"),
    ResolverClosedError(),
    TargetUnreachableError("no way"),
    UsageFileAwayError("the disk is full"),
    UsageFileBrokenError("no database"),
    UsageFileTakenError("locked"),
]


def exceptions_of_mtglib() -> set[type[Exception]]:
    """All that any module of it defines."""
    modules = [importlib.import_module(m.name) for m in pkgutil.walk_packages(mtglib.__path__, "mtglib.")]
    values = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    return {kind for kind in values if issubclass(kind, Exception) and kind.__module__.startswith("mtglib.")}


def test_this_list_is_of_all_that_others_can_meet() -> None:
    assert {kind for kind in exceptions_of_mtglib() if not kind.__name__.startswith("_")} == {*map(type, MADE)}


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, *PICKLES])
def test_an_error_survives_its_way_to_another_process(
    error: Exception, duplicate: Callable[[Exception], Exception]
) -> None:
    error.__notes__ = ["a note"]

    made = duplicate(error)

    assert type(made) is type(error)
    assert (str(made), repr(made), vars(made)) == (str(error), repr(error), vars(error))


def test_an_error_of_somebody_elses_making_survives_as_well() -> None:
    made = pickle.loads(pickle.dumps(OwnError(5)))

    assert (type(made), str(made), made.code) == (OwnError, "code 5", 5)


class OwnError(mtglib.UpstreamError):
    """What an embedder may derive."""

    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


def test_option_error_names_field_and_expectation() -> None:
    error = mtglib.OptionError("concurrency", "a positive integer", 0)

    assert str(error) == "concurrency: expected a positive integer, got 0"
    assert (error.field, error.expected) == ("concurrency", "a positive integer")
    assert isinstance(error, ValueError)


class TwoLines:
    """Has a text that isn't one line."""

    def __repr__(self) -> str:
        return "a\nb"


def test_option_error_tells_none_from_nothing() -> None:
    assert str(mtglib.OptionError("port", "a number", None)) == "port: expected a number, got None"
    assert str(mtglib.OptionError("port", "a number")) == "port: expected a number"


def test_option_error_is_one_line_whatever_it_got() -> None:
    assert str(mtglib.OptionError("x", "y", TwoLines())) == "x: expected y, got something of type TwoLines"


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
