"""Runs a plan: bounded parallel calls in dependency order, failures kept where they are."""
