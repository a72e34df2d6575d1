"""TLS of a connection: for gRPC channels, and for the HTTP calls that belong to it.

gRPC's core has no switch to skip verification. As flytekit does, `insecureSkipVerify` fetches the
certificate that the server shows and trusts exactly that one for this connection.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import grpc

from reconciler import errors

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.backends.settings import Settings, Tls

_HANDSHAKE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Wire:
    """What a gRPC channel needs; `credentials` is None for plaintext.

    `server_name` replaces the host name that the certificate is checked against; empty keeps it.
    """

    credentials: grpc.ChannelCredentials | None
    server_name: str = ""


async def for_grpc(settings: Settings) -> Wire:
    """Read certificate files (and the server's certificate where verification is skipped).

    Raises UsageError for files that cannot be read, UnavailableError where no server answers.
    """
    tls = settings.tls
    if tls.insecure:
        return Wire(None)
    _check(tls)
    roots = _read(tls.ca_file)
    server_name = ""
    if tls.insecure_skip_verify:
        roots, server_name = await _shown_certificate(settings)
    return Wire(
        grpc.ssl_channel_credentials(
            root_certificates=roots,
            private_key=_read(tls.key_file),
            certificate_chain=_read(tls.cert_file),
        ),
        server_name,
    )


def for_http(tls: Tls) -> ssl.SSLContext:
    """TLS for token endpoints and signed URLs: public CAs, and the connection's own beside them."""
    _check(tls)
    context = ssl.create_default_context()
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca_file is not None:
        context.load_verify_locations(cafile=tls.ca_file)
    return context


async def _shown_certificate(settings: Settings) -> tuple[bytes, str]:
    """Return the server's certificate as PEM, and a name that it is valid for."""
    host, port = host_and_port(settings.endpoint)
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    try:
        shown = await _handshake(host, port, anything)
        pem = ssl.DER_cert_to_PEM_cert(shown.getpeercert(binary_form=True) or b"")
        only_this = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        only_this.check_hostname = False
        only_this.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        only_this.load_verify_locations(cadata=pem)
        verified = await _handshake(host, port, only_this)
    except ssl.SSLError as error:
        raise errors.UnavailableError(
            f"{settings.endpoint}: TLS: the server's certificate cannot be trusted even by itself "
            f"({error.reason or error}); check that it is not expired, and set "
            "tls.insecure: true if this is a plaintext port",
            code="UNAVAILABLE",
        ) from error
    except (OSError, TimeoutError) as error:
        raise errors.UnavailableError(
            f"{settings.endpoint}: TLS: cannot fetch the server's certificate "
            f"({str(error) or 'no answer'}); check the endpoint and that the server runs",
            code="UNAVAILABLE",
        ) from error
    return pem.encode("ascii"), _name_of(verified) or host


async def _handshake(host: str, port: int, context: ssl.SSLContext) -> ssl.SSLObject:
    context.set_alpn_protocols(["h2"])
    async with asyncio.timeout(_HANDSHAKE_SECONDS):
        _, writer = await asyncio.open_connection(host, port, ssl=context, server_hostname=host)
        shown: ssl.SSLObject = writer.get_extra_info("ssl_object")
        writer.transport.abort()
    return shown


def _name_of(shown: ssl.SSLObject) -> str:
    """Pick a host name or address from the subject alternative names."""
    certificate = cast("dict[str, tuple[tuple[str, str], ...]]", shown.getpeercert() or {})
    names = certificate.get("subjectAltName", ())
    usable = [name for kind, name in names if kind in {"DNS", "IP Address"}]
    return usable[0].replace("*", "any", 1) if usable else ""


def host_and_port(endpoint: str) -> tuple[str, int]:
    """Split an endpoint; without a port it is that of TLS."""
    host, colon, port = endpoint.rpartition(":")
    if not colon or not port.isdecimal():
        return endpoint.strip("[]"), 443
    return host.strip("[]"), int(port)


def _check(tls: Tls) -> None:
    """Load every file once; gRPC would accept any bytes and fail later without naming them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if tls.ca_file is not None:
        try:
            context.load_verify_locations(cafile=tls.ca_file)
        except OSError as error:
            raise _unusable(tls.ca_file, "caFile", error) from error
    if tls.cert_file is not None and tls.key_file is not None:
        try:
            context.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
        except OSError as error:
            raise _unusable(tls.cert_file, "certFile with keyFile", error) from error


def _no_password() -> str:
    """Keep OpenSSL from asking on the terminal."""
    return ""


def _read(path: Path | None) -> bytes | None:
    return None if path is None else path.read_bytes()


def _unusable(path: Path, field: str, error: OSError) -> errors.UsageError:
    if isinstance(error, ssl.SSLError):
        reason = f"is not usable ({error.reason or 'no PEM data'}); name PEM files that fit, "
        return errors.UsageError(f"{path}: tls.{field}: {reason}the key without a password")
    return errors.UsageError(
        f"{path}: tls.{field}: cannot be read ({error.strerror}); check the paths"
    )
