"""Forges, as far as a pull request needs them: one comment that is kept up to date, one status.

`event` finds out where a job runs, `http` sends requests, and `forge` knows the three APIs.
"""
