"""A small, real flytekit project: what the specs beside it register and schedule."""
