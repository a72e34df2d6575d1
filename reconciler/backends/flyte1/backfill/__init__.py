"""FlyteBackfill on Flyte 1: executions for the ticks of a launch plan's schedule."""
