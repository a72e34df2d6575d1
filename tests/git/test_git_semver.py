"""Ranges of versions choose the tag that people expect."""

from __future__ import annotations

import itertools

import pytest

from reconciler.git.semver import newest, parse, parse_range

ORDER = (
    *("0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2"),
    *("1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0"),
)
"""As semver.org has it in its section 11, with neighbours."""


def test_versions_are_ordered_as_the_standard_says() -> None:
    versions = [parse(text) for text in ORDER]
    assert None not in versions
    for (index, first), (other, second) in itertools.combinations(enumerate(versions), 2):
        assert first is not None
        assert second is not None
        assert (first < second) == (index < other)


@pytest.mark.parametrize("text", ["1", "1.0", "01.0.0", "1.0.0.0", "1.0.0-", "v", "", "1.0.0 "])
def test_what_is_no_version_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    ("wanted", "tag"),
    [
        ("*", "v1.10.0"),
        (">=1.0.0 <1.10", "v1.2.3"),
        (">=1.0.0, <1.10", "v1.2.3"),
        ("^1.2", "v1.10.0"),
        ("~1.2.1", "v1.2.3"),
        ("~1", "v1.10.0"),
        ("1.2.x", "v1.2.3"),
        ("1", "v1.10.0"),
        ("=1.2.0", "v1.2.0"),
        ("v1.2.0", "v1.2.0"),
        ("<1.0.0", "v0.3.1"),
        ("^0.2.0", "v0.2.5"),
        (">1.10.0", None),
        (">=2.0.0-rc.0", "v2.0.0-rc.2"),
        ("<2.0.0", "v1.10.0"),
        ("^9 || ~0.2", "v0.2.5"),
        ("<=1.2", "v1.2.3"),
        (">1", None),
    ],
)
def test_newest_tag_of_a_range(wanted: str, tag: str | None) -> None:
    tags = [
        *("v0.2.0", "v0.2.5", "v0.3.1", "v1.0.0", "v1.2.0", "v1.2.3", "v1.10.0"),
        *("v2.0.0-rc.1", "v2.0.0-rc.2", "latest", "nightly-1"),
    ]
    assert newest(tags, parse_range(wanted)) == tag


@pytest.mark.parametrize("text", ["", "a", "1.2.3.4", ">", "1..2", ">=1,,|", "1 |||", "latest"])
def test_what_is_no_range_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no range"):
        parse_range(text)
