"""Leads a Service to whichever replica is in charge, since the others know nothing to show.

The Service selects no pods: its one EndpointSlice is written by whoever holds the Lease, and goes
with the pod that wrote it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.backends.kubernetes.client import Cluster
from reconciler.errors import BackendError, UsageError
from reconciler.operator import words

log = logging.getLogger(__name__)

HOOKS, PAGE = "http-hooks", "http-page"
"""The names of the Service's ports."""

_VARIABLES = ("POD_IP", "POD_NAME", "POD_UID")
_SECONDS = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """What a pod knows of itself by its environment."""

    address: str
    name: str
    uid: str

    @property
    def family(self) -> str:
        """What kind of address it has, as an EndpointSlice says it."""
        return f"IPv{ipaddress.ip_address(self.address).version}"


def pod_of(environ: Mapping[str, str]) -> Pod:
    """Read what the downward API put there; raises UsageError where it did not."""
    missing = [name for name in _VARIABLES if not environ.get(name)]
    if missing:
        raise UsageError(
            f"--service: needs the variables {', '.join(_VARIABLES)}, and {missing[0]} is not set; "
            "have the pod set them from its own fields, as the chart does"
        )
    address, name, uid = (environ[variable] for variable in _VARIABLES)
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise UsageError(f'POD_IP: "{address}" is no address; set it from status.podIP') from None
    return Pod(address=address, name=name, uid=uid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leading:
    """A Service of a namespace, and the pod that it is to lead to while this is in charge."""

    cluster: Cluster
    namespace: str
    service: str
    pod: Pod
    ports: Mapping[str, int]

    async def work(self) -> None:
        """Say so again and again: somebody may have written or deleted it meanwhile."""
        while True:
            try:
                await self.cluster.apply(
                    f"/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices/"
                    f"{self._name}",
                    self._slice(),
                    manager=words.MANAGER,
                    force=True,
                )
            except BackendError as error:
                log.warning("service %s: does not lead here: %s", self.service, error)
            await asyncio.sleep(_SECONDS)

    @property
    def _name(self) -> str:
        return f"{self.service}-{self.pod.family.lower()}"

    def _slice(self) -> dict[str, Any]:
        pod = self.pod
        owner = {"apiVersion": "v1", "kind": "Pod", "name": pod.name, "uid": pod.uid}
        target = {"kind": "Pod", "namespace": self.namespace, "name": pod.name, "uid": pod.uid}
        return {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": self._name,
                "labels": {
                    "kubernetes.io/service-name": self.service,
                    "endpointslice.kubernetes.io/managed-by": words.MANAGER,
                },
                "ownerReferences": [owner],
            },
            "addressType": pod.family,
            "endpoints": [
                {
                    "addresses": [pod.address],
                    "conditions": {"ready": True},
                    "targetRef": target,
                }
            ],
            "ports": [
                {"name": name, "port": port, "protocol": "TCP"} for name, port in self.ports.items()
            ],
        }
