"""The command line: parses, asks, prints. What it does is in `reconciler.api`."""
