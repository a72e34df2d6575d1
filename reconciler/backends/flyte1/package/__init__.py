"""FlytePackage on Flyte 1: serialized tasks, workflows and plans, versioned by their content.

`entities` reads an archive, `graph` gives every entity its digest, `resolve` makes resources of
them, `calls` registers them.
"""
