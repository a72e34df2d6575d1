"""Where the declaration of a version can be looked up: repository, commit and path as one link."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from reconciler.model.origin import Origin

_PAGES = (
    (("gitlab",), "-/blob"),
    (("gitea", "forgejo", "codeberg"), "src/commit"),
    (("bitbucket",), "src"),
)
"""What comes before the commit in a forge's address of a file, by words in the name of its host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """The commit of a checkout that documents are read from.

    `repository` is `<host>/<path>`, or `git:<first commit>` where no host is known. Files are named
    relative to `cwd`, and linked below `top`, both without links of the file system; `files` are
    those that are as the commit has them.
    """

    repository: str
    commit: str
    top: str
    cwd: str
    files: AbstractSet[str]

    def link(self, origin: Origin) -> str:
        """Tell where a document is; empty for one that the commit does not have like this."""
        if origin.file not in self.files:
            return ""
        path = posixpath.normpath(posixpath.join(self.cwd, origin.file))
        if not path.startswith(f"{self.top}/"):
            return ""
        host = self.repository.partition("/")[0]
        scheme = "" if self.repository.startswith("git:") else "https://"
        page = next((page for words, page in _PAGES if any(one in host for one in words)), "blob")
        file = quote(path.removeprefix(f"{self.top}/"))
        line = f"#L{origin.line}" if origin.line else ""
        return f"{scheme}{self.repository}/{page}/{self.commit}/{file}{line}"
