"""Addresses of pages, as they are compared.

*Host*: lower case, without user name, port and final dot; international names in ASCII (`xn--`,
IDNA 2008 with UTS 46); IPv4 and IPv6 addresses are hosts of their own.

*Canonical form* (`canonical_urls`), so that two ways to write one page are equal:

1. white space at the ends goes, and the scheme (`http`, `https`), user name, port and `www.`;
2. the host is compared as above, in the path and the query capital letters count;
3. the fragment goes, unless it is a page of its own (`#!`);
4. parameters that only follow a reader go (`utm_…`, `fbclid`, `gclid`, … : `TRACKING`); the others
   keep their order;
5. `/`, `/index.html`, `/index.htm` and `/index.php` at the end of the path go, and an empty query.

Percent escapes are compared as they are written. Addresses of other schemes than HTTP have no
canonical form. Cost: about 2 µs per address.
"""

from __future__ import annotations

import idna
import pyarrow as pa
import pyarrow.compute as pc

TRACKING = (
    "utm_[a-z_]+|fbclid|gclid|gclsrc|dclid|msclkid|yclid|igshid|mc_cid|mc_eid|_ga|_gl|_hsenc|_hsmi"
    "|phpsessid|jsessionid"
)
"""Names of parameters that change nothing on the page, in lower case."""

_HOST = (
    r"^(?:[a-z][a-z0-9+.\-]*:)?//(?:[^/?#\\]*@)?"
    r"(?P<host>\[[0-9a-f:.%]+\]|[^/?#\\@:\[\]\s]+)(?::[0-9]*)?(?:[/?#\\]|$)"
)
_PARTS = r"^(?i:https?:)?//[^/?#\\]*(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?P<fragment>#(?s:.*))?$"


def hosts_of(urls: pa.LargeStringArray) -> pa.LargeStringArray:
    """Hosts of addresses in lower case, ready for comparing; null where there is none."""
    parts = pc.extract_regex(urls, _HOST)
    return comparable_hosts(pc.struct_field(parts, "host"))


def comparable_hosts(hosts: pa.LargeStringArray) -> pa.LargeStringArray:
    """Lower-case hosts without final dot, international names in ASCII; null for no host."""
    hosts = pc.utf8_rtrim(hosts, ".")
    is_ascii = pc.fill_null(pc.string_is_ascii(hosts), True)
    if not pc.all(is_ascii).as_py():
        international = pc.invert(is_ascii)
        names = [_ascii_name(name) for name in hosts.filter(international).to_pylist()]
        hosts = pc.replace_with_mask(hosts, international, pa.array(names, pa.large_string()))
    return pc.if_else(pc.equal(hosts, ""), pa.scalar(None, pa.large_string()), hosts)


def domains_of(urls: pa.Array) -> pa.LargeStringArray:
    """Hosts of addresses as a column holds them, without `www.`; null where there is none."""
    hosts = hosts_of(pc.ascii_lower(_trimmed(urls)))
    return pc.replace_substring_regex(hosts, r"^www\.", "")


def canonical_urls(urls: pa.Array) -> pa.LargeStringArray:
    """The canonical form of addresses; null for one that is null or no address of a page."""
    urls = _trimmed(urls)
    parts = pc.extract_regex(urls, _PARTS)
    path, query, fragment = (
        pc.fill_null(pc.struct_field(parts, name), "") for name in ("path", "query", "fragment")
    )
    path = pc.replace_substring_regex(path, r"(?i)/+(?:index\.(?:html?|php))?$", "")
    # Every parameter between two marks of its own, as RE2 cannot look ahead.
    query = _joined("&", pc.replace_substring(query, "&", "&&"), "&")
    query = pc.replace_substring_regex(query, rf"(?i)&(?:{TRACKING})(?:=[^&]*)?&", "")
    query = pc.utf8_trim(pc.replace_substring_regex(query, "&+", "&"), "&")
    fragment = pc.if_else(pc.starts_with(fragment, "#!"), fragment, "")
    mark = pc.if_else(pc.equal(query, ""), "", "?")
    host = pc.if_else(pc.is_valid(parts), domains_of(urls), pa.scalar(None, pa.large_string()))
    return _joined(host, path, mark, query, fragment)


def _joined(*parts: pa.Array | str) -> pa.LargeStringArray:
    """Null where a part is."""
    wide = [
        pa.scalar(part, pa.large_string())
        if isinstance(part, str)
        else part.cast(pa.large_string())
        for part in parts
    ]
    return pc.binary_join_element_wise(*wide, pa.scalar("", pa.large_string()))


def _trimmed(urls: pa.Array) -> pa.LargeStringArray:
    return pc.ascii_trim_whitespace(urls.cast(pa.large_string()))


def _ascii_name(name: str) -> str | None:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError:
        return None
