"""Declared specs in, desired resources out: defaults, references, inputs, normal form, digest.

Pure. What must be known of the live side (interfaces of workflows that CI registers) is asked for
as `Want`s first and handed in as a catalog.
"""
