"""Who is signed in, as the proxy before the manager says it, and how to sign in.

The manager checks no token: it believes the headers of an authenticating proxy, whose names are
those of AWS by default, and then the claims in a bearer token (manager 2.0.43,
runs/service/identity.go). It names no authorization server unless it is configured.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

import grpc
from flyteidl2.auth import auth_service_pb2 as wire
from flyteidl2.auth import identity_pb2
from flyteidl2.common import identifier_pb2
from flyteidl2.common import identity_pb2 as common_identity_pb2

from reconciler.server.caller import CALLER
from reconciler.server.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reconciler.server.methods import Handler
    from reconciler.server.store import Store

_CLAIMS_HEADER = "x-amzn-oidc-data"
_SUBJECT_HEADER = "x-amzn-oidc-identity"


def _user_info(
    _store: Store, _request: identity_pb2.UserInfoRequest
) -> identity_pb2.UserInfoResponse:
    user = _user()
    if user is None:
        raise StatusError(
            grpc.StatusCode.UNAUTHENTICATED,
            "no authenticated identity on request (missing or untrusted identity headers)",
        )
    return user


def caller() -> common_identity_pb2.EnrichedIdentity | None:
    """Who makes the call, as runs keep it; None when nobody says."""
    user = _user()
    if user is None:
        return None
    spec = None
    if user.email or user.name:
        spec = common_identity_pb2.UserSpec(
            first_name=user.given_name, last_name=user.family_name, email=user.email
        )
    identifier = identifier_pb2.UserIdentifier(subject=user.subject)
    return common_identity_pb2.EnrichedIdentity(
        user=common_identity_pb2.User(id=identifier, spec=spec)
    )


def _user() -> identity_pb2.UserInfoResponse | None:
    caller = CALLER.get()
    user = _claims(caller.header(_CLAIMS_HEADER))
    subject = caller.header(_SUBJECT_HEADER).strip()
    if user is None and subject:
        user = identity_pb2.UserInfoResponse(subject=subject)
    scheme, _, token = caller.header("authorization").partition(" ")
    if user is None and scheme.lower() == "bearer":
        user = _claims(token.strip())
    return user


def _claims(token: str) -> identity_pb2.UserInfoResponse | None:
    """Whom a signed token speaks of; None when it is no token, or of nobody."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        payload = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        claims = json.loads(payload)
    except (binascii.Error, ValueError):
        return None
    if not isinstance(claims, dict):
        return None
    named = ("sub", "email", "given_name", "family_name")
    subject, email, given, family = (_text(claims.get(name)) for name in named)
    if not subject:
        return None
    return identity_pb2.UserInfoResponse(
        subject=subject,
        name=f"{given} {family}".strip(),
        given_name=given,
        family_name=family,
        email=email,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _public_client(
    _store: Store, _request: wire.GetPublicClientConfigRequest
) -> wire.GetPublicClientConfigResponse:
    # The manager names its own address, whatever the client called.
    return wire.GetPublicClientConfigResponse(
        authorization_metadata_key="authorization", dataplane_domain=f"http://{CALLER.get().host}"
    )


def _metadata(
    _store: Store, _request: wire.GetOAuth2MetadataRequest
) -> wire.GetOAuth2MetadataResponse:
    raise StatusError(
        grpc.StatusCode.UNIMPLEMENTED,
        "oauth2 metadata is not configured; set runs.authMetadata.externalAuthServerBaseUrl",
    )


IDENTITY_HANDLERS: Mapping[str, Handler] = {"UserInfo": _user_info}
METADATA_HANDLERS: Mapping[str, Handler] = {
    "GetPublicClientConfig": _public_client,
    "GetOAuth2Metadata": _metadata,
}
