"""What a Flyte 2 server serves, asked of it by reads: UNIMPLEMENTED is the answer "no".

The open-source manager leaves services out that hosted ones have, and mounts some by configuration.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import Enum
from typing import Any

from flyteidl2.app import app_payload_pb2
from flyteidl2.artifact import artifact_service_pb2
from flyteidl2.auth import auth_service_pb2
from flyteidl2.cluster import payload_pb2 as cluster_pb2
from flyteidl2.common import identifier_pb2, list_pb2
from flyteidl2.secret import payload_pb2 as secret_pb2
from flyteidl2.settings import settings_definition_pb2, settings_service_pb2
from google.protobuf.message import Message

from reconciler.backends.flyte2 import methods
from reconciler.backends.wire.channel import Channel
from reconciler.backends.wire.method import Method
from reconciler.errors import BackendError, UnsupportedError


class Capability(Enum):
    """Something that not every Flyte 2 has, in the words of a sentence."""

    APPS = "apps"
    ARTIFACTS = "artifacts, and triggers on them"
    CLUSTERS = "routing of data to clusters"
    SECRETS = "secrets"
    SETTINGS = "settings"
    SIGN_IN = "sign-in of its own"


_ONE = list_pb2.ListRequest(limit=1)

_ASK: Mapping[Capability, tuple[Method[Any, Any], Message]] = {
    Capability.APPS: (methods.LIST_APPS, app_payload_pb2.ListRequest(request=_ONE)),
    Capability.ARTIFACTS: (
        methods.LIST_ARTIFACTS,
        artifact_service_pb2.ListArtifactsRequest(request=_ONE),
    ),
    Capability.CLUSTERS: (
        methods.SELECT_CLUSTER,
        cluster_pb2.SelectClusterRequest(
            org_id=identifier_pb2.OrgIdentifier(),
            operation=cluster_pb2.SelectClusterRequest.OPERATION_USE_SECRETS,
        ),
    ),
    Capability.SECRETS: (methods.LIST_SECRETS, secret_pb2.ListSecretsRequest(limit=1)),
    Capability.SETTINGS: (
        methods.GET_SETTINGS_FOR_EDIT,
        settings_service_pb2.GetSettingsForEditRequest(key=settings_definition_pb2.SettingsKey()),
    ),
    Capability.SIGN_IN: (
        methods.GET_OAUTH2_METADATA,
        auth_service_pb2.GetOAuth2MetadataRequest(),
    ),
}


async def served(channel: Channel) -> Mapping[Capability, bool]:
    """Ask for every capability at once.

    A call that is denied or fails is one that is served. Raises UnavailableError when nothing
    answers.
    """
    answers = await asyncio.gather(*(_is_served(channel, *_ASK[one]) for one in Capability))
    return dict(zip(Capability, answers, strict=True))


async def _is_served(channel: Channel, method: Method[Any, Any], request: Message) -> bool:
    try:
        await channel.call(method, request)
    except UnsupportedError:
        return False
    except BackendError as error:
        if error.code in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}:
            raise
    return True
