"""Settings of an organisation, of its domains, and of projects in a domain.

Facts are those of the open-source manager 2.0.43. There is one record for each level, with a
version that an update must name; none is ever deleted, and a value that is taken away counts as
not set. The open-source server keeps settings and applies none of them.
"""
