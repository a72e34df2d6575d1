"""Git repositories of others: fetched by the git program, checked, and synced to Flyte.

`remote` reads addresses, `program` runs git, `mirror` keeps what was fetched, `source` finds the
commit that is wanted, `verify` asks who signed it, and `syncing` makes Flyte like it.
"""
