"""What a FlyteConnection of a cluster may say: nothing that reaches into the operator itself.

Whoever may write custom resources is not thereby allowed the operator's files, variables, local
addresses, or other people's connections.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from reconciler.errors import DeniedError
from reconciler.model.key import ALL, Place
from reconciler.specs.connection import ConnectionSpec, SecretSource

_NETWORKS = "loopback, link-local, unspecified and multicast addresses"
_METADATA = frozenset(map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200")))
"""Where clouds tell a machine its own credentials, besides link-local addresses."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")
_SCHEMES = frozenset(
    {"unix", "unix-abstract", "ipv4", "ipv6", "vsock", "xds", "dns", "passthrough"}
)
"""Words that gRPC reads as another kind of address when they stand before a colon."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the owner of the operator allows: hosts by glob, and addresses for archives."""

    hosts: tuple[str, ...] = ()
    urls: frozenset[str] = frozenset()

    def has(self, host: str) -> bool:
        """Say whether a host is allowed by name."""
        return any(fnmatchcase(host.lower(), glob.lower()) for glob in self.hosts)

    def why_not(self, host: str) -> str:
        """Say why a host may not be reached that is written so; empty when it may."""
        if self.has(host) or not is_local(host):
            return ""
        return f"{host} is the operator's own machine or network; {_NETWORKS} need --allow-host"

    async def check(self, host: str, port: int) -> None:
        """Raise DeniedError for a host that is, or leads to, the operator's own machine."""
        why = self.why_not(host)
        is_plain = not why and not self.has(host)
        if is_plain and await asyncio.to_thread(resolved_to_local, host, port):
            why = f"{host} leads to the operator's own machine or network; that needs --allow-host"
        if why:
            raise DeniedError(why)


def why_not(spec: ConnectionSpec, allowed: Allowed) -> str:
    """Say what in a FlyteConnection a cluster's objects may not use; empty when all may be."""
    for field, why in _faults(spec):
        return f"spec.{field}: {why}"
    why = why_not_host(host_of(spec.endpoint or ""), allowed)
    return f"spec.endpoint: {why}" if why else ""


def why_not_host(host: str, allowed: Allowed) -> str:
    """Say why the operator may not reach a host; empty when it may."""
    if allowed.hosts and not allowed.has(host):
        return (
            f"{host} is not among the hosts that the operator may reach; its owner adds it by "
            "--allow-host"
        )
    if host in _SCHEMES:
        return f"{host} is no name of a host here; write one with a dot"
    return allowed.why_not(host)


def _faults(spec: ConnectionSpec) -> Iterator[tuple[str, str]]:
    if spec.embedded is not None:
        yield "embedded", "is for `reconcile` on a machine of one's own; name an endpoint"
    if spec.config is not None:
        yield "config", "is a file, which the operator does not read; name an endpoint"
    for name in ("caFile", "certFile", "keyFile"):
        attribute = name.replace("File", "_file")
        if getattr(spec.tls, attribute) is not None:
            instead = name.replace("File", "SecretKeyRef")
            yield f"tls.{name}", f"is a file, which the operator does not read; write {instead}"
    sources = (
        ("auth.clientSecret", spec.auth.client_secret),
        ("auth.token", spec.auth.token),
        ("auth.apiKey", spec.auth.api_key),
        ("secrets.hmacKey", spec.secrets.hmac_key),
    )
    for name, source in sources:
        if source is not None and not _is_of_cluster(source):
            yield name, "the operator reads neither its environment nor files; write secretKeyRef"
    if spec.secrets.kubeconfig is not None:
        yield (
            "secrets.kubeconfig",
            "is a file, which the operator does not read; write kubeconfigSecretKeyRef",
        )


def _is_of_cluster(source: SecretSource) -> bool:
    return source.env is None and source.file is None


def serves(spec: ConnectionSpec, namespace: str, place: Place) -> bool:
    """Say whether objects of a namespace may touch a project-domain; nobody may by default.

    What is not in one project, or not in one domain, concerns all of them and needs a `*`.
    """
    return any(
        _has(item.namespaces, namespace)
        and _has(item.projects, place.project)
        and _has(item.domains, place.domain)
        for item in spec.serves
    )


def _has(names: Iterable[str], wanted: str) -> bool:
    return any(name == ALL or (name == wanted != "") for name in names)


def host_of(endpoint: str) -> str:
    """Return the host of `[dns:///|https://]host[:port]`, in lower case and without brackets."""
    bare = endpoint.rpartition("//")[2].rstrip("/")
    if bare.startswith("["):
        return bare[1:].partition("]")[0].lower()
    return bare.partition(":")[0].rstrip(".").lower()


def is_local(host: str) -> bool:
    """Say whether a host is written as an address of this machine or of its link."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return _is_local(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return _is_odd_local(host)


def _is_odd_local(host: str) -> bool:
    """Read the short and numeric spellings that resolvers take for addresses."""
    try:
        return _is_local(ipaddress.ip_address(socket.inet_aton(host)))
    except OSError:
        return False


def _is_local(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and any(map(_is_local, _inner(address))):
        return True
    return (
        address in _METADATA
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
        or address.is_multicast
    )


def _inner(address: ipaddress.IPv6Address) -> Iterator[ipaddress.IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 address may lead to."""
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


def resolved_to_local(host: str, port: int) -> bool:
    """Say whether a name leads to an address of this machine; blocks while it is resolved.

    A name may lead elsewhere a moment later: a NetworkPolicy is what holds against that.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(is_local(str(entry[4][0]).partition("%")[0]) for entry in found)
