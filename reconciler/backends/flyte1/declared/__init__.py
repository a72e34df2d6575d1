"""FlyteRun and FlyteSignal on Flyte 1."""
