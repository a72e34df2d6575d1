"""Launch plans of Flyte 1.

`normal` describes the normal form and reads it from live messages, `wire` writes it back, `spec`
resolves what a user wrote to it, `describe` turns it into the words of the language.
"""
