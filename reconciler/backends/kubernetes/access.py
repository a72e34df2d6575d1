"""How a cluster is reached: as a pod in it, or by a kubeconfig.

A pod's service account is three files, which are read here; the token is read again when the
kubelet has replaced it. A kubeconfig goes through the loader of the `kubernetes` package, so that
commands which give credentials work as with kubectl. That package is loaded then and not before.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import yaml

from reconciler.errors import UsageError
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from kubernetes.client import Configuration

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_READ_ELSEWHERE = {
    "clusters": ("certificate-authority", "proxy-url"),
    "users": ("exec", "auth-provider", "tokenFile", "client-certificate", "client-key"),
}
_TOKEN_SECONDS = 30.0
"""How long a token is taken for good without asking for it again."""

_EXTRA = "pip install 'flyte-reconciler[operator]'"

Load = Callable[["Configuration", str], str]
"""Fills the settings of the `kubernetes` package, with a folder for files; gives the namespace."""


class Authorize(Protocol):
    """Gives the value of the Authorization header, if there is one."""

    async def __call__(self, *, is_refused: bool = False) -> Secret[str] | None:
        """Return it; a new one where the last was refused."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """Where an API server is, whom it is trusted by, and who we are to it.

    `origin` says who chose it; `server_name` replaces the host that the certificate is checked
    against; `namespace` is the one of the context, or of the pod.
    """

    server: str
    origin: str
    tls: ssl.SSLContext | None = field(repr=False)
    authorize: Authorize = field(repr=False)
    namespace: str = ""
    server_name: str = ""
    proxy: str = field(default="", repr=False)


def in_cluster(
    environ: Mapping[str, str] = os.environ, folder: Path = SERVICE_ACCOUNT
) -> Access | None:
    """Return the access of the pod that this runs in; None outside a cluster.

    Raises UsageError where the files of the service account cannot be used.
    """
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port or not (folder / "token").exists():
        return None
    origin = "the service account of this pod"
    tls = _trusting(folder / "ca.crt", origin)
    shown = f"[{host}]" if ":" in host else host
    token = _TokenFile(folder / "token", origin)
    token.read()
    return Access(
        server=f"https://{shown}:{port}",
        origin=origin,
        tls=tls,
        authorize=token.authorize,
        namespace=_text(folder / "namespace", origin),
    )


def kubeconfig(path: Path | None = None, context: str = "") -> Access:
    """Read a kubeconfig; without a path the files of `KUBECONFIG`, else `~/.kube/config`.

    A command that it names for credentials is run. Raises UsageError for what cannot be used.
    """
    named = str(path) if path is not None else os.environ.get("KUBECONFIG", "~/.kube/config")
    origin = f"kubeconfig {named}" + (f", context {context}" if context else "")

    def load(into: Configuration, folder: str) -> str:
        from kubernetes import config

        config.load_kube_config(
            config_file=named,
            context=context or None,
            client_configuration=into,
            temp_file_path=folder,
        )
        contexts, current = config.list_kube_config_contexts(config_file=named)
        chosen = next((one for one in contexts if one["name"] == context), current)
        return str(chosen["context"].get("namespace") or "")

    return _loaded(load, origin)


def kubeconfig_text(text: Secret[str], origin: str, context: str = "") -> Access:
    """Read a kubeconfig that somebody else wrote: whatever would run or read anything is refused.

    Raises UsageError, without any of the text.
    """
    try:
        content = yaml.safe_load(text.reveal())
    except (yaml.YAMLError, RecursionError, ValueError):
        raise UsageError(f"{origin}: is not YAML that can be read") from None
    if not isinstance(content, dict):
        raise UsageError(f"{origin}: is no kubeconfig")
    _check_standalone(content, origin)

    def load(into: Configuration, folder: str) -> str:
        from kubernetes import config

        config.load_kube_config_from_dict(
            config_dict=content,
            context=context or None,
            client_configuration=into,
            persist_config=False,
            temp_file_path=folder,
        )
        return ""

    return _loaded(load, origin)


def find(path: Path | None = None, context: str = "") -> Access:
    """Return the access by the file that is named, else as a pod, else by the usual kubeconfig."""
    if path is None and not context:
        pod = in_cluster()
        if pod is not None:
            return pod
    return kubeconfig(path, context)


@dataclass(slots=True)
class _TokenFile:
    """A token in a file that another program replaces."""

    path: Path
    origin: str
    _seen: tuple[int, int] = (0, 0)
    _token: Secret[str] | None = None

    def read(self, *, is_refused: bool = False) -> Secret[str] | None:
        """Return the token; the file is opened only when it is another one than before."""
        try:
            status = self.path.stat()
        except OSError as error:
            raise _unreadable(self.path, self.origin, error) from error
        seen = (status.st_mtime_ns, status.st_ino)
        if self._token is None or is_refused or seen != self._seen:
            self._token = Secret(f"Bearer {_text(self.path, self.origin)}")
            self._seen = seen
        return self._token

    async def authorize(self, *, is_refused: bool = False) -> Secret[str] | None:
        """Return the header; the file is small and on a disk in memory."""
        return self.read(is_refused=is_refused)


def _loaded(load: Load, origin: str) -> Access:
    """Let the loader fill its settings, and make ours of them."""
    try:
        from kubernetes.client import Configuration
    except ImportError:
        raise UsageError(
            f"{origin}: needs the package kubernetes, which is not installed; run {_EXTRA}"
        ) from None
    from kubernetes.config import ConfigException

    found = Configuration()
    found.host = ""
    try:
        # Certificates that a kubeconfig holds itself go to OpenSSL through files.
        with tempfile.TemporaryDirectory(prefix="reconcile-") as folder:
            namespace = load(found, folder)
            tls = _tls(found, origin) if found.host.startswith("https") else None
    except ConfigException as error:
        raise UsageError(f"{origin}: cannot be used ({_line(error)})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        raise UsageError(f"{origin}: is not YAML{at}") from None
    except OSError as error:
        raise UsageError(
            f"{origin}: cannot be used ({error.strerror or 'no reason given'}); "
            "check the path and its permissions"
        ) from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UsageError(f"{origin}: is no kubeconfig") from None
    if not found.host:
        raise UsageError(f"{origin}: names no server of a cluster")
    return Access(
        server=found.host.rstrip("/"),
        origin=origin,
        tls=tls,
        authorize=_authorizing(found, load),
        namespace=namespace,
        server_name=str(found.tls_server_name or ""),
        proxy=str(found.proxy or ""),
    )


def _authorizing(found: Configuration, load: Load) -> Authorize:
    """Ask the loader for the token; it gets another when that has expired or was refused."""
    known: tuple[float, Secret[str] | None] = (-_TOKEN_SECONDS, None)

    def again() -> str | None:
        with tempfile.TemporaryDirectory(prefix="reconcile-") as folder:
            load(found, folder)
        return found.get_api_key_with_prefix("BearerToken")

    async def authorize(*, is_refused: bool = False) -> Secret[str] | None:
        nonlocal known
        if "BearerToken" not in found.api_key:
            return None
        at, token = known
        if token is not None and not is_refused and time.monotonic() < at + _TOKEN_SECONDS:
            return token
        value = await asyncio.to_thread(
            again if is_refused else partial(found.get_api_key_with_prefix, "BearerToken")
        )
        known = (time.monotonic(), Secret(str(value)) if value else None)
        return known[1]

    return authorize


def _tls(found: Configuration, origin: str) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=found.ssl_ca_cert or None)
        if not found.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if found.cert_file:
            context.load_cert_chain(found.cert_file, found.key_file, password=lambda: "")
    except ssl.SSLError as error:
        raise UsageError(
            f"{origin}: its certificates cannot be used ({error.reason or 'no PEM data'})"
        ) from None
    return context


def _trusting(path: Path, origin: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(path))
    except ssl.SSLError as error:
        reason = error.reason or "no PEM data"
        raise UsageError(f"{origin}: {path} is not usable ({reason})") from None
    except OSError as error:
        raise _unreadable(path, origin, error) from error


def _check_standalone(content: Mapping[str, Any], origin: str) -> None:
    for section, names in _READ_ELSEWHERE.items():
        entries = content.get(section)
        for entry in entries if isinstance(entries, list) else ():
            inner = entry.get(section.removesuffix("s")) if isinstance(entry, dict) else None
            found = [name for name in names if isinstance(inner, dict) and name in inner]
            if found:
                raise UsageError(
                    f"{origin}: {found[0]} may not be used in a kubeconfig from a Secret; "
                    "it must hold its certificates and its token itself"
                )


def _text(path: Path, origin: str) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError:
        raise UsageError(f"{origin}: {path} is not text") from None
    except OSError as error:
        raise _unreadable(path, origin, error) from error


def _unreadable(path: Path, origin: str, error: OSError) -> UsageError:
    return UsageError(f"{origin}: {path} cannot be read ({error.strerror})")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
