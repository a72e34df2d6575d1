"""The language: one module per kind, validation of documents, and what is published about it.

`validate` turns documents into models and problems, `registry` says which kinds there are.
Schemas, examples and `explain` are made from the same models.
"""
