"""Finds unquoted words of YAML 1.1 where a user names or says something: `inputs: {n: on}`.

kubectl sends `n` as `false` and `on` as `true`; nobody who writes that means it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reconciler.model.document import Document, show_path
from reconciler.model.origin import Problem
from reconciler.specs import walk
from reconciler.specs.messages import quoted

if TYPE_CHECKING:
    from reconciler.specs.shape import Shape


def check(document: Document, model: type[Shape]) -> Iterator[Problem]:
    """Find the unquoted words in the maps of the user within `spec`."""
    for path, word in document.key_words.items():
        if path[:1] == ("spec",) and len(path) > 1 and walk.is_map(walk.at(model, path[1:-1])):
            message, fix = quoted(word, key=True)
            yield Problem(document.key_at(path), message, path=show_path(path), fix=fix)
    for path, word in document.words.items():
        if path[:1] == ("spec",) and walk.is_users(model, path[1:]):
            message, fix = quoted(word)
            if walk.bare(walk.at(model, path[1:])) is walk.FREE:
                fix += ", or write true or false"
            yield Problem(document.at(path), message, path=show_path(path), fix=fix)
