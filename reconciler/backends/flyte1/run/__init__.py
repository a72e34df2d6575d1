"""The executions of a Flyte 1: looking at them, and acting on them."""

from reconciler.backends.flyte1.run.running import Flyte1Running

__all__ = ["Flyte1Running"]
