"""Addresses in canonical form: equal for two ways to write one page, different for two pages."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.stages.urls import canonical_urls, domains_of, hosts_of


def canonical(*urls: str | None) -> list[str | None]:
    found: list[str | None] = canonical_urls(pa.array(urls, pa.string())).to_pylist()
    return found


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("https://Example.org", "example.org"),
        (" http://www.example.org:80/ \n", "example.org"),
        ("//example.org/a", "example.org/a"),
        ("http://me:secret@example.org./a/", "example.org/a"),
        ("https://example.org/A/index.html?", "example.org/A"),
        ("https://example.org/index.php?id=5&utm_source=a&b=1", "example.org?id=5&b=1"),
        ("https://example.org/?utm_a=1&utm_b=2&fbclid=3", "example.org"),
        ("https://example.org/?UTM_A=1&side=2&gclidx=3&x", "example.org?side=2&gclidx=3&x"),
        ("https://example.org/a#b?c", "example.org/a"),
        ("https://example.org/#!/page", "example.org#!/page"),
        ("https://bücher.example/ä?ö=ü", "xn--bcher-kva.example/ä?ö=ü"),
        ("http://[2001:DB8::1]:8080/x", "[2001:db8::1]/x"),
        ("http://www.www.org/www.", "www.org/www."),
        ("http://example.org/a%2Fb%2f", "example.org/a%2Fb%2f"),
        ("http://example.org/a\nb", "example.org/a\nb"),
        ("http:///a", None),
        ("mailto:me@example.org", None),
        ("ftp://example.org/a", None),
        ("example.org/a", None),
        ("", None),
        (None, None),
    ],
)
def test_the_canonical_form(url: str | None, form: str | None) -> None:
    assert canonical(url) == [form]


@given(
    st.lists(
        st.one_of(st.none(), st.text(), st.text("htp:/.?#&=@[]\\wau%_\n ").map("http://a".__add__))
    )
)
def test_any_text_has_a_canonical_form_or_none(urls: list[str | None]) -> None:
    found = canonical(*urls)
    assert len(found) == len(urls)
    again = canonical(*(None if form is None else f"http://{form}" for form in found))
    assert [form is None for form in again] == [form is None for form in found]


def test_the_domain_is_the_host_without_www() -> None:
    urls = ["https://WWW.Example.org/www.", "http://a.example.org", "x", None]
    array = pa.array(urls, pa.string())
    assert domains_of(array).to_pylist() == ["example.org", "a.example.org", None, None]
    assert hosts_of(pa.array(["http://www.a"], pa.large_string())).to_pylist() == ["www.a"]
