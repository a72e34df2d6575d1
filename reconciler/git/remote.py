"""Addresses of Git repositories: what may be asked, and how it is called where it is claimed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from reconciler.git.faults import Fault, SourceError
from reconciler.sources import git

SCHEMES = frozenset({"https", "ssh"})
"""What is fetched over unless the owner of the service allows more."""

_PORTS = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
_SCP = re.compile(r"(?:([A-Za-z0-9._-]+)@)?([A-Za-z0-9][A-Za-z0-9.-]*):(?!/)([^:].*)")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9a-fA-F:.]+")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """One repository; `url` is what git is given, without any credentials in it."""

    url: str
    scheme: str
    host: str
    port: int
    user: str = ""

    @property
    def name(self) -> str:
        """How the repository is called, the same at every door: `host/path`."""
        return git.normalise(self.url) or self.url

    @property
    def origin(self) -> str:
        """Scheme, host and port, for what is meant for this server alone."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def read(url: str, *, schemes: frozenset[str] = SCHEMES) -> Remote:
    """Read an address; raises SourceError for one that may not be asked, without a part of it."""
    if not url.isascii() or not url.isprintable() or " " in url or url.startswith("-"):
        raise _refused("has characters that no address has", "write it anew")
    scp = None if "://" in url else _SCP.fullmatch(url)
    if scp is not None:
        url = f"ssh://{scp[1] + '@' if scp[1] else ''}{scp[2]}/{scp[3]}"
    try:
        parts = urlsplit(url)
        host, port, password = parts.hostname or "", parts.port, parts.password
    except ValueError:
        raise _refused("is none", "write for example https://git.example.com/team/specs") from None
    if password is not None or (parts.username and parts.scheme != "ssh"):
        raise _refused("holds credentials", "take them out, and name them by secretRef")
    if parts.scheme not in schemes:
        allowed = ", ".join(sorted(schemes))
        shown = f"{parts.scheme}://" if parts.scheme.isalnum() else "without a scheme"
        raise _refused(
            f"is {shown}, and {allowed} are allowed", "use one, or have the owner allow it"
        )
    is_sound = _HOST.fullmatch(host) and parts.path.strip("/") and not parts.query
    if not is_sound or parts.fragment or parts.path.startswith("/-") or "\\" in url:
        raise _refused(
            "names no repository", "write for example https://git.example.com/team/specs"
        )
    user = parts.username or ""
    if user and not _USER.fullmatch(user):
        raise _refused("has an odd user", "write for example ssh://git@git.example.com/team/specs")
    return Remote(
        url=url, scheme=parts.scheme, host=host, port=port or _PORTS[parts.scheme], user=user
    )


def _refused(what: str, fix: str) -> SourceError:
    return SourceError(Fault.ADDRESS, f"git.url: {what}; {fix}")
