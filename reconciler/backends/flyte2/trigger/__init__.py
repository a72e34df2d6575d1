"""Triggers of Flyte 2.

`normal` describes the normal form and reads it from live messages, `wire` writes it back, `inputs`
proves which inputs a live trigger has, `spec` resolves what a user wrote, `describe` turns a normal
form into the words of the language, `calls` and `observe` speak to the server.
"""
