"""Code that is registered in one project-domain, read back as a package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from reconciler.model.key import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to read: names by globs (all of them without), and a version of every name.

    Without a version it is the one that active plans run, else the newest.
    """

    names: tuple[str, ...] = ()
    version: str = ""

    def takes(self, name: str) -> bool:
        """Say whether a name is asked for; what it needs comes along."""
        return not self.names or any(fnmatchcase(name, glob) for glob in self.names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """A package as it is written, empty when nothing is registered.

    `versions` are those that it holds, `active` the names of its plans that are active, `left_out`
    what could not be part of it and why, `warnings` what is in it and not as it was registered.
    """

    content: bytes = field(default=b"", repr=False)
    versions: Mapping[Key, str] = field(default_factory=dict)
    active: tuple[str, ...] = ()
    left_out: Mapping[Key, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
