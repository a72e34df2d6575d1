"""Six daily trading strategies, each a workflow of its own with a dozen typed defaults."""
