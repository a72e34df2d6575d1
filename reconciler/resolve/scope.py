"""What a set may touch, and from which of its files."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.model.key import Place


@dataclass(frozen=True, slots=True)
class Scope:
    """Project-domains that a set may touch; an empty domain stands for all of a project's.

    `files` are patterns of the files that may touch a place, below `folder`; a place that has none
    is for all of them.
    """

    places: frozenset[Place]
    files: Mapping[Place, tuple[re.Pattern[str], ...]] = field(default_factory=dict)
    folder: str = "."

    def allows(self, place: Place, file: str = "") -> bool:
        """Say whether an object in a place is within the scope, declared in a file if one is given.

        Files are named from where `folder` is.
        """
        for known in {place, Place(place.project)} & self.places:
            patterns = self.files.get(known)
            if not file or not patterns:
                return True
            name = posixpath.relpath(posixpath.normpath(file), self.folder)
            if any(pattern.fullmatch(name) for pattern in patterns):
                return True
        return False


def scope_of(rules: Iterable[tuple[Place, tuple[str, ...]]], *, folder: str) -> Scope:
    """Make a scope of places and the globs of their files; no globs are all files."""
    globs: dict[Place, list[tuple[str, ...]]] = defaultdict(list)
    for place, files in rules:
        globs[place].append(files)
    patterns = {
        place: tuple(_pattern(glob) for group in groups for glob in group)
        for place, groups in globs.items()
        if all(groups)
    }
    return Scope(frozenset(globs), patterns, folder)


def _pattern(glob: str) -> re.Pattern[str]:
    """Read a glob: `**` is any folders, `*` and `?` stay within one."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", posixpath.normpath(glob))
    read = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(read.get(part, re.escape(part)) for part in parts), re.DOTALL)
