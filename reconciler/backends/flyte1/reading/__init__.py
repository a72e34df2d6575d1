"""What is registered on a Flyte 1, for people and programs that look at it."""

from reconciler.backends.flyte1.reading.reading import Flyte1Reading

__all__ = ["Flyte1Reading"]
