"""Runs of Flyte 2: looking at them, starting and ending them, and answering what they ask."""

from reconciler.backends.flyte2.run.running import Flyte2Running

__all__ = ["Flyte2Running"]
