"""What Kubernetes finds wrong with names, labels and annotations, in its own words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_NAME})?"

_MAX_PART = 63
_MAX_SUBDOMAIN = 253
_MAX_ANNOTATIONS = 256 * 1024


def _no_match(text: str, pattern: str, *examples: str) -> str:
    shown = " or ".join(f"'{one}', " for one in examples)
    return f"{text} (e.g. {shown}regex used for validation is '{pattern}')"


_BAD_LABEL = _no_match(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character",
    _LABEL,
    "my-name",
    "123-abc",
)
_BAD_SUBDOMAIN = _no_match(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character",
    _SUBDOMAIN,
    "example.com",
)
_BAD_NAME = _no_match(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character",
    _NAME,
    "MyName",
    "my.name",
    "123-abc",
)
_BAD_VALUE = _no_match(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character",
    _VALUE,
    "MyValue",
    "my_value",
    "12345",
)


def _too_long(text: str, most: int) -> list[str]:
    if len(text.encode()) <= most:
        return []
    return [f"must be no more than {most} characters"]


def _problems(text: str, most: int, pattern: str, problem: str) -> list[str]:
    bad = [] if re.fullmatch(pattern, text) else [problem]
    return _too_long(text, most) + bad


def dns_label(value: str) -> list[str]:
    """What is wrong with a DNS-1123 label, such as a project's id."""
    return _problems(value, _MAX_PART, _LABEL, _BAD_LABEL)


def label_value(value: str) -> list[str]:
    """What is wrong with the value of a label."""
    return _problems(value, _MAX_PART, _VALUE, _BAD_VALUE)


def qualified_name(key: str) -> list[str]:
    """What is wrong with the key of a label or of an annotation."""
    *prefixes, name = key.split("/")
    if len(prefixes) > 1:
        optional = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"a qualified name {_BAD_NAME} {optional}"]
    found: list[str] = []
    for prefix in prefixes:
        wrong = _problems(prefix, _MAX_SUBDOMAIN, _SUBDOMAIN, _BAD_SUBDOMAIN)
        found += [f"prefix part {one}" for one in (wrong if prefix else ["must be non-empty"])]
    long = _too_long(name, _MAX_PART) if name else ["must be non-empty"]
    bad = [] if re.fullmatch(_NAME, name) else [_BAD_NAME]
    return found + [f"name part {one}" for one in long + bad]


def object_problem(
    kind: str, name: str, *, labels: Mapping[str, str], annotations: Mapping[str, str]
) -> str:
    """Why an API server refuses an object that is labelled with its name, or nothing."""
    found = [
        f'metadata.name: Invalid value: "{name}": {one}'
        for one in _problems(name, _MAX_SUBDOMAIN, _SUBDOMAIN, _BAD_SUBDOMAIN)
    ]
    for key, value in sorted({**labels, "execution-id": name}.items()):
        for part, wrong in ((key, qualified_name(key)), (value, label_value(value))):
            found += [f'metadata.labels: Invalid value: "{part}": {one}' for one in wrong]
    for key in sorted(annotations):
        found += [
            f'metadata.annotations: Invalid value: "{key}": {one}'
            for one in qualified_name(key.lower())
        ]
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _MAX_ANNOTATIONS:
        most = f"may not be more than {_MAX_ANNOTATIONS} bytes"
        found.append(f"metadata.annotations: Too long: {most}")
    if not found:
        return ""
    reason = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
    return f'{kind} "{name}" is invalid: {reason}'
