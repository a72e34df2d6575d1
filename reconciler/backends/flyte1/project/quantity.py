"""Amounts of resources as Kubernetes writes them: `500m`, `2`, `1.5Gi`, `1e3`.

flyteadmin 1.16.8 stores any text and reads one that is no quantity as zero, which is no limit.
"""

from __future__ import annotations

import re
from fractions import Fraction

_FORM = re.compile(
    r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:([eE][-+]?[0-9]{1,3})|([numkMGTPE]|[KMGTPE]i))?"
)
_DECIMAL = "kMGTPE"
_SMALL = "mun"
_MOST = 2**63 - 1


def parse(text: str) -> Fraction:
    """Return the amount; raises ValueError when the text is no quantity or out of range."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a Kubernetes quantity such as 500m, 2 or 1.5Gi')
    number, exponent, suffix = found.groups()
    amount = Fraction(f"{number}{exponent or ''}") * _factor(suffix or "")
    if amount > _MOST:
        raise ValueError(f'"{text}" is more than Kubernetes can hold')
    return amount


def _factor(suffix: str) -> Fraction:
    if not suffix:
        return Fraction(1)
    if suffix.endswith("i"):
        return Fraction(1024 ** ("KMGTPE".index(suffix[0]) + 1))
    if suffix in _SMALL:
        return Fraction(1, 1000 ** (_SMALL.index(suffix) + 1))
    return Fraction(1000 ** (_DECIMAL.index(suffix) + 1))
