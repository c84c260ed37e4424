"""Which pages of the site the URLs of `ProxyOpts.record_urls` mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from .errors import OptionError
from .front_address import FrontAddress
from .ground.checks import check_list
from .ground.urls import split_url

_MAX_URLS: Final = 100
_OPTION: Final = "record_urls"
_USUAL_PORT: Final = 443


class Page(NamedTuple):
    """A page of the site.

    Attributes:
        host: The site's name.
        target: Path and query.
    """

    host: str
    target: str

    @property
    def path(self) -> str:
        """The part of the target that may be shown."""
        return self.target.partition("?")[0]


def parse_page_urls(urls: Sequence[str], sites: Mapping[str, FrontAddress]) -> tuple[Page, ...]:
    """Parse URLs of fronting sites.

    Args:
        urls: The URLs.
        sites: The sites, by name, and where they are reached. A URL may have that port, or the usual one.

    Raises:
        OptionError: There are too many, or one of them isn't a URL of a site.
    """
    check_list(_OPTION, urls, "URLs", may_be_empty=True)
    if len(urls) > _MAX_URLS:
        raise OptionError(_OPTION, f"at most {_MAX_URLS} URLs")
    return tuple(_parse(f"{_OPTION}[{index}]", url, sites) for index, url in enumerate(urls))


def _parse(option: str, url: str, sites: Mapping[str, FrontAddress]) -> Page:
    expected = f"an https URL of the fronting site, such as https://{next(iter(sites))}/"
    unreadable = f"{expected} (this one doesn't begin with https:// and a valid host)"
    parts = split_url(url, ("http", "https"), unreadable, option, may_have_fragment=True)
    for is_wrong, what in (
        (parts.scheme != "https", "is http"),
        (parts.user is not None, "has a user part"),
        (parts.host not in sites, "has another host"),
    ):
        if is_wrong:
            raise OptionError(option, f"{expected} (this one {what})")
    if parts.port not in (None, _USUAL_PORT, sites[parts.host].port):
        raise OptionError(option, f"{expected} (this one has another port)")
    query = f"?{parts.query}" if parts.query else ""
    return Page(parts.host, (parts.path or "/") + query)
