"""What tasks of several environments use."""


def mean(values: list[float]) -> float:
    """Return the mean; 0 of nothing."""
    return sum(values) / max(len(values), 1)
