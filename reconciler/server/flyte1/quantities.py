"""Kubernetes resource quantities (`500m`, `1Gi`, `2`), as far as requests and limits need them."""

from __future__ import annotations

import math
import re
from decimal import Decimal

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
    r"(?P<unit>Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?"
)
_BINARY = ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_UNITS = {
    "": Decimal(1),
    **{unit: Decimal(1024) ** power for power, unit in enumerate(_BINARY, 1)},
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)},
    "m": Decimal("1e-3"),
    "u": Decimal("1e-6"),
    "n": Decimal("1e-9"),
}


def parse(text: str) -> Decimal:
    """The amount; ValueError with Kubernetes' words when the text is no quantity."""
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(
            "quantities must match the regular expression "
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        )
    number, unit = Decimal(found["number"]), found["unit"] or ""
    if unit in _UNITS:
        return number * _UNITS[unit]
    return number * Decimal(10) ** int(unit[1:])


def whole(amount: Decimal) -> int:
    """The amount rounded up, which is what flyteadmin compares."""
    return math.ceil(amount)
