"""What turning values into literals may use besides the values and their types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.model.attachment import Upload
from reconciler.model.interface import Unread
from reconciler.values.own import OwnType


@dataclass(frozen=True, slots=True)
class Known:
    """Local files and folders by their paths as written, and the types of one's own in use."""

    files: Mapping[str, Upload | Unread] = field(default_factory=dict)
    types: tuple[OwnType, ...] = ()


NOTHING = Known()
