"""FlyteBackfill on Flyte 2: runs for the ticks of a trigger's schedule."""
