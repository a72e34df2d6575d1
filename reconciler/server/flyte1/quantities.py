"""Kubernetes resource quantities (`500m`, `1Gi`, `2`), as far as requests and limits need them."""

from __future__ import annotations

import math
import re
from decimal import ROUND_CEILING, Decimal

_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))"
    r"(?P<unit>Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?"
)
_DECIMAL = dict(
    zip(range(-9, 19, 3), ("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), strict=True)
)
_MAX_POWER = 18
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
    if text in _UNITS and text:
        # A unit alone is none of it.
        return Decimal(0)
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


def canonical(text: str) -> str:
    """A quantity as Kubernetes writes it: with the largest unit that needs no fraction."""
    amount = parse(text)
    if text.endswith(_BINARY) and abs(amount) >= 1024:
        number, power = whole(amount), 0
        while number % 1024 == 0 and power < len(_BINARY):
            number, power = number // 1024, power + 1
        return f"{number}{('', *_BINARY)[power]}"
    if not amount:
        return "0"
    number, power = int(amount.scaleb(9).to_integral_value(ROUND_CEILING)), -9
    while number % 1000 == 0 and power < _MAX_POWER:
        number, power = number // 1000, power + 3
    return f"{number}{_DECIMAL[power]}"


def whole(amount: Decimal) -> int:
    """The amount rounded up, which is what flyteadmin compares."""
    return math.ceil(amount)
