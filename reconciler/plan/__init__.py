"""Desired and live states in, a plan out: pure, without clock, file format or wire format.

`compute.compute` compares, `safety` guards, `order` sorts; `encode` and `render` show the very plan
that `apply` runs; `settle` says what the ledger holds afterwards. One change per object, one action
per call.
"""
