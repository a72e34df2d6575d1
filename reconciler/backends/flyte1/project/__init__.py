"""FlyteProject on Flyte 1: the project itself, and its rows of matchable attributes.

Facts are those of flyteadmin 1.16.8, seen on a running one. A row belongs to a project, to one of
its domains or to a workflow in a domain; the fields of the record are named in `paths`.
"""
