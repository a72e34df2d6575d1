"""How a cluster is reached: a pod's own files, kubeconfigs of people and of strangers."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from aiohttp import web
from backends_servers import http_serving

from reconciler.backends.kubernetes import access
from reconciler.backends.kubernetes.client import open_cluster
from reconciler.errors import UnavailableError, UsageError
from reconciler.model.secret import Secret

CANARY = "canary-0d9f"


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A home without a kubeconfig, and no pod."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def ca(tmp_path: Path) -> trustme.CA:
    found = trustme.CA()
    found.cert_pem.write_to_path(tmp_path / "ca.crt")
    return found


def kubeconfig(folder: Path, *, server: str = "https://cluster.test:6443/", **user: Any) -> Path:
    cluster: dict[str, Any] = {"server": server}
    if (folder / "ca.crt").exists():
        cluster["certificate-authority"] = "ca.crt"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "first",
        "clusters": [
            {"name": "one", "cluster": cluster},
            {"name": "two", "cluster": {**cluster, "server": "https://other.test"}},
        ],
        "users": [{"name": "me", "user": user or {"token": CANARY}}],
        "contexts": [
            {"name": "first", "context": {"cluster": "one", "user": "me", "namespace": "n"}},
            {"name": "second", "context": {"cluster": "two", "user": "me"}},
        ],
    }
    path = folder / "kubeconfig.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


async def header(found: access.Access, *, is_refused: bool = False) -> str:
    token = await found.authorize(is_refused=is_refused)
    return "" if token is None else token.reveal()


async def test_a_kubeconfig_names_server_identity_and_namespace(
    tmp_path: Path, ca: trustme.CA
) -> None:
    found = access.kubeconfig(kubeconfig(tmp_path))

    assert (found.server, found.namespace) == ("https://cluster.test:6443", "n")
    assert await header(found) == f"Bearer {CANARY}"
    assert CANARY not in repr(found)
    other = access.kubeconfig(tmp_path / "kubeconfig.yaml", "second")
    assert (other.server, other.namespace) == ("https://other.test", "")
    assert other.origin.endswith("kubeconfig.yaml, context second")


async def test_the_usual_kubeconfig_is_found(
    tmp_path: Path, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match=r"kubeconfig ~/\.kube/config: cannot be used"):
        access.find()

    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path)))

    assert access.find().server == "https://cluster.test:6443"


async def test_a_command_gives_credentials_and_gives_others_when_they_are_refused(
    tmp_path: Path, ca: trustme.CA
) -> None:
    script = tmp_path / "login.sh"
    script.write_text(
        "#!/bin/sh\n"
        f"echo x >> {tmp_path}/count\n"
        f"n=$(wc -l < {tmp_path}/count)\n"
        'echo "{\\"apiVersion\\": \\"client.authentication.k8s.io/v1\\",'
        ' \\"kind\\": \\"ExecCredential\\", \\"status\\": {\\"token\\": \\"t$n\\"}}"\n'
    )
    script.chmod(0o755)
    command = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(script),
        "interactiveMode": "Never",
    }
    found = access.kubeconfig(kubeconfig(tmp_path, exec=command))

    assert await header(found) == "Bearer t1"
    assert await header(found) == "Bearer t1"
    assert await header(found, is_refused=True) == "Bearer t2"


async def test_certificates_inside_a_kubeconfig_leave_no_file(
    tmp_path: Path, ca: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    issued = ca.issue_cert("me@cluster.test")
    chain = b"".join(part.bytes() for part in issued.cert_chain_pems)
    path = kubeconfig(
        tmp_path,
        **{
            "client-certificate-data": base64.b64encode(chain).decode(),
            "client-key-data": base64.b64encode(issued.private_key_pem.bytes()).decode(),
        },
    )

    found = access.kubeconfig(path)

    assert found.tls is not None
    assert await header(found) == ""
    assert list(folder.iterdir()) == []


async def test_the_cluster_is_who_its_ca_says(tmp_path: Path, ca: trustme.CA) -> None:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Pod"})

    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(served)
    async with http_serving(answer, ssl=served) as url:
        path = kubeconfig(tmp_path, server=url)
        async with open_cluster(access.kubeconfig(path)) as cluster:
            assert await cluster.get("/api/v1/x") == {"kind": "Pod"}
        trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
        async with open_cluster(access.kubeconfig(path)) as cluster:
            with pytest.raises(UnavailableError, match="certificate is not trusted"):
                await cluster.get("/api/v1/x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"a: [{CANARY}", "is not YAML at line"),
        (f"- {CANARY}", "is no kubeconfig"),
        (f"current-context: {CANARY}", "cannot be used"),
        ("", "cannot be used"),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_refused_without_its_text(
    tmp_path: Path, text: str, expected: str
) -> None:
    path = tmp_path / "bad"
    path.write_text(text)

    with pytest.raises(UsageError, match=expected) as raised:
        access.kubeconfig(path)
    assert str(raised.value).startswith(f"kubeconfig {path}: ")
    if "current-context" not in text:
        assert CANARY not in str(raised.value)


def test_a_context_that_is_not_there_is_named(tmp_path: Path, ca: trustme.CA) -> None:
    with pytest.raises(UsageError, match=r"context nope: cannot be used .*nope"):
        access.kubeconfig(kubeconfig(tmp_path), "nope")


def _inside(**changes: Any) -> Secret[str]:
    user = changes.pop("user", {"token": CANARY})
    cluster = {"server": "https://cluster.test", **changes.pop("cluster", {})}
    return Secret(
        yaml.safe_dump(
            {
                "current-context": "c",
                "clusters": [{"name": "one", "cluster": cluster}],
                "users": [{"name": "me", "user": user}],
                "contexts": [{"name": "c", "context": {"cluster": "one", "user": "me"}}],
            }
        )
    )


async def test_a_kubeconfig_from_a_secret_is_used_as_it_is(ca: trustme.CA) -> None:
    data = base64.b64encode(ca.cert_pem.bytes()).decode()
    text = _inside(cluster={"certificate-authority-data": data})

    found = access.kubeconfig_text(text, "Kubernetes Secret a/b, key c")

    assert found.server == "https://cluster.test"
    assert await header(found) == f"Bearer {CANARY}"


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"user": {"exec": {"command": "touch"}}}, "exec"),
        ({"user": {"exec": None, "token": "x"}}, "exec"),
        ({"user": {"auth-provider": {"name": "gcp"}}}, "auth-provider"),
        ({"user": {"tokenFile": "/etc/hostname"}}, "tokenFile"),
        ({"user": {"client-certificate": "/etc/hostname"}}, "client-certificate"),
        ({"user": {"client-key": "/etc/hostname"}}, "client-key"),
        ({"cluster": {"certificate-authority": "/etc/hostname"}}, "certificate-authority"),
        ({"cluster": {"proxy-url": "http://169.254.169.254"}}, "proxy-url"),
    ],
)
def test_a_kubeconfig_from_a_secret_runs_and_reads_nothing(
    changes: dict[str, Any], refused: str
) -> None:
    with pytest.raises(UsageError, match=f"Secret s: {refused} may not be used") as raised:
        access.kubeconfig_text(_inside(**changes), "Secret s")
    assert CANARY not in str(raised.value)


@pytest.mark.parametrize("text", [f"a: [{CANARY}", CANARY, f"clusters: {CANARY}", "users: 3"])
def test_a_secret_that_is_no_kubeconfig_is_refused_without_its_text(text: str) -> None:
    with pytest.raises(UsageError, match="Secret s: ") as raised:
        access.kubeconfig_text(Secret(text), "Secret s")
    assert CANARY not in str(raised.value)
    assert CANARY not in repr(raised.value.__cause__)


def _pod(folder: Path, **environ: str) -> access.Access | None:
    return access.in_cluster(
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443", **environ}, folder
    )


async def test_a_pod_uses_its_service_account_and_sees_a_new_token(
    tmp_path: Path, ca: trustme.CA
) -> None:
    (tmp_path / "token").write_text("first\n")
    (tmp_path / "namespace").write_text("flyte")

    found = _pod(tmp_path)

    assert found is not None
    assert (found.server, found.namespace) == ("https://10.0.0.1:443", "flyte")
    assert await header(found) == "Bearer first"
    (tmp_path / "next").write_text("second\n")
    (tmp_path / "next").replace(tmp_path / "token")
    assert await header(found) == "Bearer second"
    six = _pod(tmp_path, KUBERNETES_SERVICE_HOST="fd00::1")
    assert six is not None
    assert six.server == "https://[fd00::1]:443"


def test_outside_a_cluster_there_is_no_service_account(tmp_path: Path) -> None:
    assert access.in_cluster(os.environ, tmp_path) is None
    assert _pod(tmp_path) is None


def test_a_service_account_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("first")
    with pytest.raises(UsageError, match=r"ca\.crt cannot be read"):
        _pod(tmp_path)


def test_the_package_of_kubernetes_is_loaded_for_a_kubeconfig_alone(tmp_path: Path) -> None:
    script = (
        "import sys; import reconciler.backends.kubernetes.client as c;"
        "from reconciler.backends.kubernetes import access; access.in_cluster();"
        "assert 'kubernetes' not in sys.modules; print('ok')"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.stdout == "ok\n", done.stderr


def test_without_the_package_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    monkeypatch.setitem(sys.modules, "kubernetes.client", None)
    with pytest.raises(UsageError, match=r"pip install 'flyte-reconciler\[operator\]'"):
        access.kubeconfig(kubeconfig(tmp_path))
