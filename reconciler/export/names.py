"""Names of exported documents and files: Kubernetes names made of Flyte names, each once.

A Kubernetes name is lower-case letters, digits, `-` and `.`, with a letter or digit at both ends of
each part; Flyte names may hold more, and the same plan name lives in several domains.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from reconciler.model.key import ALL, Key, Place

_OTHER = re.compile(r"[^a-z0-9.-]+")
_SET_OTHER = re.compile(r"[^a-z0-9]+")
_LONGEST = 200
_SET_LONGEST = 20
_MARK = 6
DEFAULT_SET = "flyte"
INSTALLATION = "installation"
"""How files and documents call what belongs to no project."""


def kubernetes_name(name: str) -> str:
    """Make a Kubernetes name of a Flyte name; a name that is one already stays as it is."""
    parts = (part.strip("-") for part in _OTHER.sub("-", name.lower()).split("."))
    found = ".".join(part for part in parts if part)
    if not found:
        return f"x{_mark(name)}"
    if len(found) > _LONGEST:
        return f"{found[:_LONGEST].rstrip('.-')}-{_mark(name)}"
    return found


def document_names(keys: Iterable[Key]) -> Mapping[Key, str]:
    """Give each object a `metadata.name` of its own: its name, with its place where it needs it."""
    return _distinct(
        keys,
        (
            lambda key: kubernetes_name(own_name(key)),
            lambda key: kubernetes_name(key.name or _owner(key)),
            lambda key: kubernetes_name(f"{key.name}.{key.project}.{key.domain}"),
        ),
    )


def own_name(key: Key) -> str:
    """Name an object within what it belongs to: a trigger within its task."""
    return key.name.partition("/")[2] if key.kind == "FlyteTrigger" else key.name or _owner(key)


def _owner(key: Key) -> str:
    """Name what an object without a name is about: its project, or a part of the installation."""
    return (key.domain or INSTALLATION) if key.project == ALL else key.project


def file_names(keys: Iterable[Key], *, suffix: str) -> Mapping[Key, PurePosixPath]:
    """Give each object a file below its project and domain."""
    folders: dict[Place, list[Key]] = defaultdict(list)
    for key in keys:
        folders[key.place].append(key)
    found: dict[Key, PurePosixPath] = {}
    for place, inside in folders.items():
        names = _distinct(
            inside, (lambda key: kubernetes_name(key.name or key.kind.removeprefix("Flyte")),)
        )
        project = INSTALLATION if place.project == ALL else place.project
        folder = PurePosixPath(project, place.domain)
        found.update({key: folder / f"{name}{suffix}" for key, name in names.items()})
    return found


def package_file(place: Place, *, suffix: str) -> PurePosixPath:
    """Give the package of a project-domain a file; a document and an archive stand side by side."""
    return PurePosixPath("packages", place.project, f"{place.domain}{suffix}")


def set_name(places: Iterable[Place]) -> str:
    """Derive the name of a set from the one project that it is about, if it is about one."""
    projects = {place.project for place in places} - {ALL}
    if len(projects) != 1:
        return DEFAULT_SET
    name = _SET_OTHER.sub("-", projects.pop().lower())[:_SET_LONGEST].strip("-")
    return name if len(name) > 2 else f"{name}-{DEFAULT_SET}".strip("-")


def _distinct(keys: Iterable[Key], makers: Sequence[Callable[[Key], str]]) -> Mapping[Key, str]:
    """Name every key by the first maker that gives it a name which nothing else has.

    What no maker tells apart gets the first name with a mark of its own.
    """
    found: dict[Key, str] = {}
    left = sorted(set(keys))
    for make in makers:
        counts = Counter((key.kind, make(key)) for key in left)
        taken = {(key.kind, name) for key, name in found.items()}
        for key in left:
            name = make(key)
            if counts[key.kind, name] == 1 and (key.kind, name) not in taken:
                found[key] = name
        left = [key for key in left if key not in found]
    found.update({key: f"{makers[0](key)}-{_mark(str(key))}" for key in left})
    return found


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_MARK]
