"""Runs of Flyte 2: looking at them, starting and ending them, and answering what they ask."""
