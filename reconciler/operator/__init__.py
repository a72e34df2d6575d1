"""The operator: custom resources in a cluster, kept so on Flyte by the same engine as files are.

`resources` and `store` hold what the cluster has, `units` what is planned together, `passes` plans
and applies it, `verdicts` and `conditions` say what became of each object, `patches` and `events`
write it back. `watching` is the only module that knows kopf.
"""
