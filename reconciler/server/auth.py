"""Sign-in by client credentials, for trying a client's authentication.

A token is a signed text with an expiry; it comes from the HTTP side's token endpoint and is sent
either under `authorization` or under the key that AuthMetadata announces. Missing, bad and expired
tokens are all UNAUTHENTICATED, as flyteadmin 1.16.8 answers (auth/interceptor.go).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc
from flyteidl.service import auth_pb2, identity_pb2
from flyteidl2.auth import auth_service_pb2
from flyteidl2.auth import identity_pb2 as identity2_pb2

from reconciler.server.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from google.protobuf.message import Message

    from reconciler.server.methods import Handler, Service
    from reconciler.server.store import Store

TOKEN_PATH = "/oauth2/token"  # noqa: S105  # a path
_AUTHORIZE_PATH = "/oauth2/authorize"
_KEYS_PATH = "/oauth2/jwks"


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """Who may call: one client. `token_seconds` is how long a token lasts."""

    client_id: str
    client_secret: str = field(repr=False)
    scopes: tuple[str, ...] = ("all",)
    metadata_key: str = "flyte-authorization"
    token_seconds: int = 1800


class Authority:
    """Issues and checks tokens for the settings' client; its key lives as long as the process."""

    def __init__(self, settings: AuthSettings) -> None:
        self.settings = settings
        self.base_url = ""
        self._key = secrets.token_bytes(32)

    def knows(self, client_id: str, client_secret: str) -> bool:
        """Whether these are the client's credentials."""
        same_id = hmac.compare_digest(client_id.encode(), self.settings.client_id.encode())
        same_secret = hmac.compare_digest(
            client_secret.encode(), self.settings.client_secret.encode()
        )
        return same_id and same_secret

    def issue(self) -> str:
        """A new access token."""
        expiry = str(int(time.time()) + self.settings.token_seconds)
        return f"{expiry}.{self._sign(expiry)}"

    def _sign(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()

    def check(self, metadata: Sequence[tuple[str, str | bytes]]) -> None:
        """StatusError UNAUTHENTICATED unless the call carries a token that is valid now."""
        keys = ("authorization", self.settings.metadata_key)
        for name, value in metadata:
            if name not in keys or not isinstance(value, str):
                continue
            scheme, _, token = value.partition(" ")
            if scheme.lower() == "bearer" and self._valid(token):
                return
            raise StatusError(grpc.StatusCode.UNAUTHENTICATED, "token parse error")
        raise StatusError(grpc.StatusCode.UNAUTHENTICATED, "Request unauthenticated with Bearer")

    def _valid(self, token: str) -> bool:
        expiry, _, signature = token.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(expiry).encode()):
            return False
        return int(expiry) > time.time()

    def services(self) -> Mapping[str, Service]:
        """The services of both Flytes that tell how to sign in, and who is."""
        first, second = auth_pb2.DESCRIPTOR.package, auth_service_pb2.DESCRIPTOR.package
        return {
            f"{first}.AuthMetadataService": {
                "GetOAuth2Metadata": self._metadata(auth_pb2.OAuth2MetadataResponse),
                "GetPublicClientConfig": self._client(auth_pb2.PublicClientAuthConfigResponse),
            },
            f"{first}.IdentityService": {"UserInfo": self._user(identity_pb2.UserInfoResponse)},
            f"{second}.AuthMetadataService": {
                "GetOAuth2Metadata": self._metadata(auth_service_pb2.GetOAuth2MetadataResponse),
                "GetPublicClientConfig": self._client(
                    auth_service_pb2.GetPublicClientConfigResponse
                ),
            },
            f"{second}.IdentityService": {"UserInfo": self._user(identity2_pb2.UserInfoResponse)},
        }

    # Both Flytes name the fields alike.

    def _metadata(self, answer: type[Message]) -> Handler:
        def metadata(_store: Store, _request: Message) -> Message:
            return answer(
                issuer=self.base_url,
                authorization_endpoint=self.base_url + _AUTHORIZE_PATH,
                token_endpoint=self.base_url + TOKEN_PATH,
                jwks_uri=self.base_url + _KEYS_PATH,
                response_types_supported=["code", "token", "code token"],
                scopes_supported=["all"],
                token_endpoint_auth_methods_supported=["client_secret_basic"],
                code_challenge_methods_supported=["S256"],
                grant_types_supported=["client_credentials"],
            )

        return metadata

    def _client(self, answer: type[Message]) -> Handler:
        def client(_store: Store, _request: Message) -> Message:
            return answer(
                client_id="flytectl",
                redirect_uri="http://localhost:53593/callback",
                scopes=self.settings.scopes,
                authorization_metadata_key=self.settings.metadata_key,
            )

        return client

    def _user(self, answer: type[Message]) -> Handler:
        def user(_store: Store, _request: Message) -> Message:
            return answer(subject=self.settings.client_id)

        return user


def basic(header: str) -> tuple[str, str] | None:
    """Client id and secret of an HTTP Basic header; None when it is no such header."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    name, colon, secret = text.partition(":")
    return (name, secret) if colon else None
