"""TLS with real certificates: which connections stand, and what the others say."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
from backends_servers import Certificates, FlyteServer, serving
from flyteidl.admin import version_pb2

from reconciler import errors
from reconciler.backends.auth import tls
from reconciler.backends.flyte1 import channel, methods
from reconciler.backends.settings import Settings, Tls
from reconciler.backends.wire import channel as wire


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_BACK_OFF_SECONDS", 0.01)


async def version(_request: Any, _context: Any) -> Any:
    return version_pb2.GetVersionResponse()


async def ask(server: FlyteServer, security: Tls) -> None:
    server.on(methods.GET_VERSION, version)
    settings = Settings(endpoint=server.endpoint, chosen_by="test", tls=security)
    async with channel.connect(settings, read_only=True) as open_channel:
        await open_channel.call(methods.GET_VERSION, version_pb2.GetVersionRequest())


async def test_private_ca_is_accepted_when_named(certificates: Certificates) -> None:
    async with serving(certificates.server("127.0.0.1")) as server:
        await ask(server, Tls(ca_file=certificates.ca_file))

    assert server.calls["AdminService.GetVersion"] == 1


async def test_private_ca_is_refused_when_not_named(certificates: Certificates) -> None:
    async with serving(certificates.server("127.0.0.1")) as server:
        with pytest.raises(errors.UnavailableError, match=r"not trusted .*; name the CA in tls.ca"):
            await ask(server, Tls())


async def test_wrong_ca_is_refused(
    certificates: Certificates, foreign_certificates: Certificates
) -> None:
    async with serving(certificates.server("127.0.0.1")) as server:
        with pytest.raises(errors.UnavailableError, match="certificate is not trusted"):
            await ask(server, Tls(ca_file=foreign_certificates.ca_file))


async def test_certificate_of_another_host_is_refused(certificates: Certificates) -> None:
    async with serving(certificates.server("flyte.test")) as server:
        with pytest.raises(errors.UnavailableError, match="a host name that the certificate holds"):
            await ask(server, Tls(ca_file=certificates.ca_file))


@pytest.mark.parametrize("name", ["127.0.0.1", "flyte.test", "*.flyte.test"])
async def test_skipped_verification_accepts_any_certificate(
    certificates: Certificates, name: str
) -> None:
    async with serving(certificates.server(name)) as server:
        await ask(server, Tls(insecure_skip_verify=True))

    assert server.calls["AdminService.GetVersion"] == 1


async def test_skipped_verification_of_a_plaintext_port_says_so(flyte: FlyteServer) -> None:
    with pytest.raises(errors.UnavailableError, match=r"set tls.insecure: true"):
        await ask(flyte, Tls(insecure_skip_verify=True))


async def test_client_certificate_is_shown(certificates: Certificates) -> None:
    chain, key = certificates.pair("client@flyte.test", stem="client")
    async with serving(certificates.server("127.0.0.1", demand_client=True)) as server:
        await ask(server, Tls(ca_file=certificates.ca_file, cert_file=chain, key_file=key))

    assert server.calls["AdminService.GetVersion"] == 1


async def test_client_certificate_works_without_verification(certificates: Certificates) -> None:
    chain, key = certificates.pair("client@flyte.test", stem="client")
    async with serving(certificates.server("127.0.0.1", demand_client=True)) as server:
        await ask(server, Tls(insecure_skip_verify=True, cert_file=chain, key_file=key))

    assert server.calls["AdminService.GetVersion"] == 1


async def test_missing_client_certificate_is_hinted_at(certificates: Certificates) -> None:
    async with serving(certificates.server("127.0.0.1", demand_client=True)) as server:
        with pytest.raises(errors.ReconcilerError, match=r"tls\.certFile"):
            await ask(server, Tls(ca_file=certificates.ca_file))

    assert not server.calls


async def test_client_certificate_of_a_stranger_is_refused(
    certificates: Certificates, foreign_certificates: Certificates
) -> None:
    chain, key = foreign_certificates.pair("client@flyte.test", stem="client")
    async with serving(certificates.server("127.0.0.1", demand_client=True)) as server:
        with pytest.raises(errors.ReconcilerError, match=r"tls\.certFile"):
            await ask(server, Tls(ca_file=certificates.ca_file, cert_file=chain, key_file=key))

    assert not server.calls


async def test_tls_to_a_plaintext_port_says_what_to_set(flyte: FlyteServer) -> None:
    with pytest.raises(errors.UnavailableError, match=r"speaks plaintext .*tls\.insecure: true"):
        await ask(flyte, Tls())


async def test_plaintext_to_a_tls_port_says_what_to_check(certificates: Certificates) -> None:
    async with serving(certificates.server("127.0.0.1")) as server:
        with pytest.raises(errors.UnavailableError, match=r"tls\.insecure fits the server"):
            await ask(server, Tls(insecure=True))


async def test_key_of_another_certificate_is_found_before_connecting(
    certificates: Certificates, foreign_certificates: Certificates
) -> None:
    chain, _ = certificates.pair("client@flyte.test", stem="client")
    _, key = foreign_certificates.pair("client@flyte.test", stem="client")
    settings = Settings("127.0.0.1:1", "test", tls=Tls(cert_file=chain, key_file=key))
    with pytest.raises(errors.UsageError, match=r"tls\.certFile with keyFile: is not usable"):
        await tls.for_grpc(settings)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "cannot be read"), ("no certificate", "is not usable")],
    ids=["missing", "no-pem"],
)
async def test_unusable_ca_file_is_found_before_connecting(
    tmp_path: Path, content: str | None, message: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    settings = Settings("127.0.0.1:1", "test", tls=Tls(ca_file=path))
    with pytest.raises(errors.UsageError, match=message):
        await tls.for_grpc(settings)


def test_http_calls_verify_unless_told_otherwise() -> None:
    assert tls.for_http(Tls()).verify_mode is ssl.CERT_REQUIRED
    assert tls.for_http(Tls(insecure_skip_verify=True)).verify_mode is ssl.CERT_NONE
