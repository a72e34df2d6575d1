"""A plan, or why there is none, for reviewers and their tools: Markdown, SARIF, annotations.

Pure functions of a `Subject`. `causes` finds the line that each change comes from, `findings` makes
one list of what deserves a line's attention, and each format has a module of its own. Everything
that a user wrote is quoted by `quoting`, never trusted.
"""
