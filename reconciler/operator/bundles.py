"""Bundles of secret values that a FlyteSync names, read from the Secrets of its namespace."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from reconciler.backends.kubernetes.client import Cluster
from reconciler.git.faults import Fault, SourceError
from reconciler.git.secrets import Values
from reconciler.model.secret import Secret
from reconciler.specs.git import Bundle


async def read_bundle(cluster: Cluster, namespace: str, field_name: str, bundle: Bundle) -> Values:
    """Read a Kubernetes Secret that a bundle names; raises SourceError where there is none."""
    where = field_name if field_name.startswith("notify") else f"git.{field_name}"
    if bundle.name is None:
        raise SourceError(
            Fault.ADDRESS, f"{where}: the operator reads neither files nor variables; write name"
        )
    found = await cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{bundle.name}")
    if found is None:
        raise SourceError(
            Fault.CREDENTIALS, f"{where}: there is no Secret {namespace}/{bundle.name}; create it"
        )
    values: dict[str, Secret[str]] = {}
    for key, encoded in _data(found).items():
        try:
            values[key] = Secret(base64.b64decode(encoded, validate=True).decode())
        except (binascii.Error, ValueError):
            raise SourceError(
                Fault.CREDENTIALS, f"{where}: key {key} of {bundle.name} is no text; store text"
            ) from None
    return values


def _data(found: Mapping[str, object]) -> Mapping[str, str]:
    data = found.get("data")
    return data if isinstance(data, dict) else {}
