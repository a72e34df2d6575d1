"""Chooses other images for the containers of a package, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from google.protobuf import struct_pb2

from reconciler.backends.packages.texts import messages
from reconciler.model import image
from reconciler.model.image import Image
from reconciler.model.origin import Problem
from reconciler.specs.package import PackageImage
from reconciler.specs.validate import Declared

_SHOWN = 10
_PLACEHOLDER = "{{"

Change = Callable[[Image], Image]


class Choice:
    """Decides on images, and remembers which there were and which entries decided."""

    def __init__(self, entries: Sequence[PackageImage]) -> None:
        self.entries = entries
        self.seen: set[str] = set()
        self.used: set[int] = set()

    def __call__(self, given: Image) -> Image:
        """Return the image to run instead."""
        self.seen.add(given.name)
        for index, entry in enumerate(self.entries):
            if fnmatchcase(given.name, entry.name):
                self.used.add(index)
                return _chosen(entry, given)
        return given


def _chosen(entry: PackageImage, given: Image) -> Image:
    """Apply one entry; a new tag or digest replaces both."""
    name = entry.new_name or given.name
    if entry.new_tag or entry.digest:
        return Image(name, entry.new_tag or "", entry.digest or "")
    return replace(given, name=name)


def unused(declared: Declared, choice: Choice) -> Iterator[Problem]:
    """Warn of entries that decided on no image of the package."""
    known = ", ".join(sorted(choice.seen)[:_SHOWN]) or "none"
    for index, entry in enumerate(choice.entries):
        if index in choice.used:
            continue
        is_late = any(fnmatchcase(name, entry.name) for name in choice.seen)
        message = (
            f'every image that "{entry.name}" matches is matched by an entry before it'
            if is_late
            else f'no container of the package runs an image named by "{entry.name}"'
        )
        fix = "move it up, or remove it" if is_late else f"its images are: {known}"
        yield declared.warning(message, "images", index, "name", fix=fix)


def in_text(text: str, choice: Change) -> str:
    """Change an image that is written as a text."""
    if not text or _PLACEHOLDER in text:
        return text
    return str(choice(image.parse(text)))


def in_struct(struct: struct_pb2.Struct, choice: Change) -> None:
    """Change `image` at any depth: containers of pods, and what plugins call so."""
    for part in messages(struct):
        if isinstance(part, struct_pb2.Struct) and "image" in part.fields:
            value = part.fields["image"]
            if value.WhichOneof("kind") == "string_value":
                value.string_value = in_text(value.string_value, choice)
