"""Container images by name, tag and digest.

    [REGISTRY[:PORT]/]PATH[:TAG][@DIGEST]

A colon before the last slash is the port of a registry and belongs to the name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Image:
    """One reference to an image; `tag` and `digest` are empty where it has none."""

    name: str
    tag: str = ""
    digest: str = ""

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"


def parse(text: str) -> Image:
    """Split a reference; every text has a name, and writing what was split gives the text back."""
    rest, _, digest = text.partition("@")
    folder, slash, last = rest.rpartition("/")
    name, _, tag = last.partition(":")
    return Image(f"{folder}{slash}{name}", tag, digest)
