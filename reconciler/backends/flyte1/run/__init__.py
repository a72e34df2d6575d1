"""The executions of a Flyte 1: looking at them, and acting on them."""
