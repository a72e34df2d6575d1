"""`reconcile serve`: Flyte is kept like Git repositories, at an interval and at each push.

`config` reads what to sync, `links` holds connections, `passes` syncs one set, `run` is the process
with its queue, `hooks` takes webhooks, and `pulls` plans pull requests. `states` holds what is to
be shown of every set; whoever shows it, or tells people of it, reads that.
"""
