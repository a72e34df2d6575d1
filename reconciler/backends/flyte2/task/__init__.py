"""FlyteTask on Flyte 2: what a task says, what is registered of it, and how it is registered."""
