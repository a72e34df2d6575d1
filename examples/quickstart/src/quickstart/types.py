"""Types that the workflows share."""

from dataclasses import dataclass, field
from enum import Enum


class Mode(Enum):
    """How much of the data a run looks at."""

    FULL = "full"
    SAMPLE = "sample"


@dataclass
class Limits:
    """What a run may use."""

    rows: int = 1000
    share: float = 0.5
    tags: list[str] = field(default_factory=list)
