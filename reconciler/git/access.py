"""How we say who we are to a Git server: never in an argument, an address or a file of the mirror.

A password is in an environment variable of the one child process, which hands it to git only when
the very server that it is for asks. A key is in a file that only we may read while git runs.
"""

from __future__ import annotations

import base64
import os
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from reconciler.git import scratch
from reconciler.git.faults import Fault, SourceError
from reconciler.git.remote import Remote
from reconciler.model.secret import Secret

_USERNAME, _PASSWORD = "RECONCILE_GIT_USERNAME", "RECONCILE_GIT_PASSWORD"
_HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    f'"${_USERNAME}" "${_PASSWORD}"; }}; f'
)
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")
_SSH_SECONDS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A user and password (or token) for https, a key and known hosts for ssh, a CA for https."""

    username: str = ""
    password: Secret[str] | None = None
    identity: Secret[str] | None = None
    known_hosts: str = ""
    ca: str = ""

    def hide(self, text: str) -> str:
        """Take what is secret out of a text that a server may have made of it."""
        hidden = self.password.reveal() if self.password is not None else ""
        if not hidden:
            return text
        # As it is, as an address has it, and as it goes over the wire.
        pair = f"{self.username or 'git'}:{hidden}".encode()
        for found in (base64.b64encode(pair).decode(), hidden, quote(hidden, safe="")):
            text = text.replace(found, "***")
        return text


NOBODY = Access()


def read(values: Mapping[str, Secret[str]]) -> Access:
    """Read what a Secret or a folder holds; raises SourceError for what git cannot be given."""
    for name in ("username", "password"):
        text = values[name].reveal() if name in values else ""
        if "\n" in text.strip("\n") or "\0" in text or "\r" in text.strip("\r\n"):
            raise SourceError(
                Fault.CREDENTIALS, f"git.secretRef: {name} has more than one line; store it bare"
            )
    password = values.get("password")
    return Access(
        username=values["username"].reveal().strip("\r\n") if "username" in values else "",
        password=Secret(password.reveal().strip("\r\n")) if password is not None else None,
        identity=values.get("identity"),
        known_hosts=values["known_hosts"].reveal() if "known_hosts" in values else "",
        ca=values["ca.crt"].reveal() if "ca.crt" in values else "",
    )


@dataclass(frozen=True, slots=True)
class Way:
    """What one run of git is given besides its command."""

    settings: tuple[str, ...]
    environ: Mapping[str, str]


NO_WAY = Way((), {})


@contextmanager
def opened(access: Access, remote: Remote) -> Iterator[Way]:
    """Give git what it needs for a server while it runs.

    Raises SourceError where ssh lacks a key or the host's own key: nothing is trusted on sight.
    """
    with scratch.folder("way") as home:
        environ = {"HOME": str(home), "XDG_CONFIG_HOME": str(home)}
        settings: list[str] = []
        if remote.scheme == "ssh":
            environ["GIT_SSH_COMMAND"] = _ssh(access, home)
            environ["GIT_SSH_VARIANT"] = "ssh"
        else:
            for name in _PROXIES:
                for spelt in (name, name.lower()):
                    if os.environ.get(spelt):
                        environ[spelt] = os.environ[spelt]
        if remote.scheme in {"https", "http"} and access.password is not None:
            environ[_USERNAME] = access.username or "git"
            environ[_PASSWORD] = access.password.reveal()
            settings.append(f"credential.{remote.origin}.helper={_HELPER}")
        if access.ca:
            _put(home / "ca.crt", access.ca)
            settings.append(f"http.sslCAInfo={home / 'ca.crt'}")
        yield Way(tuple(settings), environ)


def _ssh(access: Access, home: Path) -> str:
    if access.identity is None or not access.known_hosts.strip():
        lacks = "identity" if access.identity is None else "known_hosts"
        raise SourceError(Fault.CREDENTIALS, f"git.secretRef: ssh needs {lacks}; add it there")
    key = access.identity.reveal()
    _put(home / "identity", key if key.endswith("\n") else f"{key}\n")
    _put(home / "known_hosts", f"{access.known_hosts}\n")
    options = {
        "BatchMode": "yes",
        "ConnectTimeout": str(_SSH_SECONDS),
        "ServerAliveInterval": str(_SSH_SECONDS),
        "ForwardAgent": "no",
        "ForwardX11": "no",
        "ClearAllForwardings": "yes",
        "PermitLocalCommand": "no",
        "ControlMaster": "no",
        "ControlPath": "none",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "IdentityFile": str(home / "identity"),
        "PreferredAuthentications": "publickey",
        "StrictHostKeyChecking": "yes",
        "UserKnownHostsFile": str(home / "known_hosts"),
        "GlobalKnownHostsFile": "/dev/null",
        "UpdateHostKeys": "no",
    }
    words = ["ssh", "-F", "/dev/null"]
    for name, value in options.items():
        words += ["-o", f"{name}={value}"]
    return shlex.join(words)


def _put(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
