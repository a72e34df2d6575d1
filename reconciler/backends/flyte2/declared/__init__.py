"""FlyteRun and FlyteSignal on Flyte 2."""
