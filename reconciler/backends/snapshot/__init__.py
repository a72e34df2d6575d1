"""A backend that is a file: what a Flyte answered for one set, without the values in it."""
