"""FlyteProject on Flyte 2: the project itself; facts are those of the open-source manager 2.0.43.

An update replaces name, description, labels and state together and has no lock. Archiving hides a
project from lists that do not ask for it, and stops nothing. Nothing is ever deleted.
"""
