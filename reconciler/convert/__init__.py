"""Launch plans of Flyte 1 as triggers of Flyte 2: pure, from declarations to documents.

`fields` says what becomes of every field of a FlyteLaunchPlan, `trigger` writes the documents,
`cut_over` says when schedules can move from one Flyte to the other. No clock: the moment is always
an argument.
"""
