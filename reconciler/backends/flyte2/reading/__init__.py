"""What is registered on a Flyte 2, for people and programs that look at it."""

from reconciler.backends.flyte2.reading.reading import Flyte2Reading

__all__ = ["Flyte2Reading"]
