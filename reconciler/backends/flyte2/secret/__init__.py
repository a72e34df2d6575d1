"""FlyteSecret on Flyte 2: values that go in and never come out."""
