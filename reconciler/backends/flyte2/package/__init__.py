"""FlytePackage on Flyte 2: recorded deployments of tasks, versioned by their content.

`recorded` reads an archive, `spec` makes resources of it, `recording` makes an archive of what a
client sent.
"""
