"""Schedules as Flyte's native scheduler understands them: parsing, firings, findings. Pure.

- `cron`, `fields`, `walk`, `zone`, `duration`: the dialect and the clock of robfig/cron v3.0.1,
  held to it by a recorded corpus; `foreign` explains what other schedulers write.
- `rate`: fixed rates. `preview`: firings and ticks. `identity`: names of scheduled executions.
- `lint`, `lint_cron`, `clock_changes`: findings, by the table in `rules`; `scheduler`: what differs
  between the two Flytes.

No clock: the moment is always an argument.
"""
