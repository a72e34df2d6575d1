"""What stands around every `spec`: apiVersion, kind and metadata, as Kubernetes has them.

`status` and all of ObjectMeta are accepted and ignored, so that what `kubectl get -o yaml` prints
can be read back. Documents of other API groups are not ours, unless they look like a slip of the
pen: a slip that is skipped in silence would be read as a removal.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.model.document import Document, Path, show_path
from reconciler.model.origin import Problem
from reconciler.specs.messages import describe, problem_at, quoted, unknown
from reconciler.specs.registry import ALL_KINDS, API_VERSION, GROUP, KINDS, LATER
from reconciler.specs.shape import written_names
from reconciler.specs.suggest import suggest

NAME_PATTERN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
"""What Kubernetes allows as a name, as a whole."""

_TOP = ("apiVersion", "kind", "metadata", "spec", "status")
OBJECT_META = (
    *("name", "generateName", "namespace", "labels", "annotations", "uid", "resourceVersion"),
    *("generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"),
    *("finalizers", "ownerReferences", "managedFields", "selfLink"),
)
"""The fields of `metadata` in Kubernetes."""

_NAME = re.compile(NAME_PATTERN)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which object a document declares: its kind, and how Kubernetes names it."""

    kind: str
    namespace: str
    name: str


def is_foreign(document: Document) -> bool:
    """Tell whether a document belongs to another API group."""
    written = document.value.get("apiVersion")
    if not isinstance(written, str) or not written:
        return False
    group = written.partition("/")[0] if "/" in written else ""
    if group == GROUP:
        return False
    near = len(group) < 2 * len(GROUP) and _likeness(group) > 0.85
    return not near and document.value.get("kind") not in ALL_KINDS


def _likeness(group: str) -> float:
    return difflib.SequenceMatcher(None, group, GROUP).ratio()


def served_kind(document: Document) -> str | None:
    """Return the kind of a document when this version serves it."""
    kind = document.value.get("kind")
    return kind if isinstance(kind, str) and kind in KINDS else None


def identity(document: Document) -> Identity | None:
    """Return which object a document declares, None when it does not say."""
    kind, metadata = document.value.get("kind"), document.value.get("metadata")
    if not isinstance(kind, str) or not isinstance(metadata, dict):
        return None
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str):
        return None
    return Identity(kind, namespace if isinstance(namespace, str) else "", name)


def check(document: Document) -> Iterator[Problem]:
    """Find what is wrong around the `spec` of a document of ours."""
    yield from _check_version(document)
    yield from _check_kind(document)
    if document.value.get("kind") in LATER:
        return
    for name in document.value:
        if name not in _TOP:
            yield _unknown_at_top(document, name)
    yield from _check_metadata(document)


def _check_version(document: Document) -> Iterator[Problem]:
    written = document.value.get("apiVersion")
    if written is None:
        yield problem_at(document, ("apiVersion",), "is missing", fix=f"write {API_VERSION}")
    elif written != API_VERSION:
        message = (
            f"{describe(written)} is not served" if isinstance(written, str) else "must be text"
        )
        place = document.at(("apiVersion",))
        yield Problem(place, message, path="apiVersion", fix=f"write {API_VERSION}")


def _check_kind(document: Document) -> Iterator[Problem]:
    kind = document.value.get("kind")
    if isinstance(kind, str) and kind in KINDS:
        return
    place = document.at(("kind",))
    served = ", ".join(KINDS)
    if kind is None:
        yield problem_at(document, ("kind",), "is missing", fix=f"write one of {served}")
    elif not isinstance(kind, str):
        yield Problem(place, f"must be text, not {describe(kind)}", path="kind")
    elif kind in LATER:
        message = f"kind {kind} is not served yet by this version"
        yield Problem(place, message, path="kind", fix="remove the document")
    else:
        guess = suggest(kind, ALL_KINDS)
        fix = f'did you mean "{guess}"?' if guess else f"known are {served}"
        yield Problem(place, f"{describe(kind)} is not a known kind", path="kind", fix=fix)


def _unknown_at_top(document: Document, name: str) -> Problem:
    path: Path = (name,)
    kind = served_kind(document)
    word = document.key_words.get(path)
    if word is not None:
        message, fix = quoted(word, key=True)
    elif kind is not None and name in written_names(KINDS[kind]):
        message, fix = "is not a known field here", "move it into spec"
    else:
        message, fix = unknown(name, _TOP)
    return Problem(document.key_at(path), message, path=show_path(path), fix=fix)


def _check_metadata(document: Document) -> Iterator[Problem]:
    metadata = document.value.get("metadata")
    if metadata is None:
        fix = "add metadata with a name"
        yield problem_at(document, ("metadata",), "is missing", fix=fix)
        return
    if not isinstance(metadata, dict):
        message = f"must be a map, not {describe(metadata)}"
        yield Problem(document.at(("metadata",)), message, path="metadata")
        return
    for name in metadata:
        if name not in OBJECT_META:
            message, fix = unknown(name, OBJECT_META)
            yield problem_at(document, ("metadata", name), message, fix=fix)
    for name in ("name", "namespace"):
        yield from _check_name(document, name, metadata.get(name))


def _check_name(document: Document, field: str, name: object) -> Iterator[Problem]:
    path: Path = ("metadata", field)
    is_absent = name is None and field != "name"
    if is_absent or (isinstance(name, str) and len(name) <= 253 and _NAME.fullmatch(name)):
        return
    place, shown = document.at(path), show_path(path)
    word = document.words.get(path)
    if word is not None:
        message, fix = quoted(word)
        yield Problem(place, message, path=shown, fix=fix)
    elif name is None:
        yield Problem(document.key_at(("metadata",)), "is missing", path=shown, fix="add it")
    elif not isinstance(name, str):
        fix = "put quotes around it" if isinstance(name, int | float) else ""
        yield Problem(place, f"must be text, not {describe(name)}", path=shown, fix=fix)
    else:
        message = (
            f"must be a Kubernetes name, not {describe(name)}: at most 253 lower-case letters,"
            " digits, `-` and `.`, with a letter or digit at both ends"
        )
        fix = "the name on Flyte goes to spec.name" if field == "name" else ""
        yield Problem(place, message, path=shown, fix=fix)
