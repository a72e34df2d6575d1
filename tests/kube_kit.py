"""A real Kubernetes API server on etcd, for the tests of one process, and kubectl to talk to it.

There is no kubelet and no controller manager: nothing runs pods, a deleted namespace stays
`Terminating`, owner references do not cascade, and no service account is made by itself.
Rights are decided by RBAC alone, so that a test can be exactly who a chart makes it.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SECONDS = 60
_TRIES = 5
_HOST = "127.0.0.1"
# Below the ports that outgoing connections are given, so that a server that restarts gets its own.
_PORTS = range(20_000, 32_000)
_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody that the API server knows, and the kubeconfig that makes a client be them."""

    name: str
    token: str
    kubeconfig: Path
    namespace: str = "default"


@dataclass(frozen=True, slots=True)
class Request:
    """What the audit log says of one request: who, what, the path with its query, the answer."""

    user: str
    verb: str
    path: str
    code: int
    agent: str = ""

    @property
    def is_write(self) -> bool:
        """Whether it was to change something."""
        return self.verb not in {"get", "list", "watch"}


@dataclass(slots=True)
class Cluster:
    """Etcd and kube-apiserver on loopback; what they store outlives `stop` and `kill`."""

    folder: Path
    programs: Mapping[str, Path]
    port: int = 0
    _etcd_port: int = 0
    _was_ready: bool = False
    _token: str = field(default_factory=lambda: secrets.token_hex(16))
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the API server listens, after a restart too."""
        return f"https://{_HOST}:{self.port}"

    @property
    def ca(self) -> Path:
        """The certificate that a client has to trust."""
        return self.folder / "ca.crt"

    @property
    def admin(self) -> Identity:
        """Somebody who may do everything."""
        return Identity("admin", self._token, self.folder / "admin.kubeconfig")

    # Its life.

    def start(self) -> None:
        """Start what does not run, thaw what is frozen, and wait until the API server is ready."""
        if not self.ca.exists():
            self._prepare()
        for _ in range(_TRIES):
            self._start_etcd()
            self._start_server()
            if self._is_ready():
                self._was_ready = True
                return
            self.kill()
            if not self._was_ready:
                self._choose_ports()
        raise AssertionError(f"the API server does not start: {self._log('kube-apiserver')}")

    def stop(self, program: str = "kube-apiserver") -> None:
        """Let one end in peace: connections are closed, watches ended."""
        self._end(program, signal.SIGTERM)

    def kill(self, program: str = "") -> None:
        """End one, or everything, on the spot."""
        for name in [program] if program else ["kube-apiserver", "etcd"]:
            self._end(name, signal.SIGKILL)

    def restart(self) -> None:
        """Stop the API server and start it again, on the same port."""
        self.stop()
        self.start()

    def freeze(self, program: str = "kube-apiserver") -> None:
        """Stop one without ending it: connections stay open and nobody answers."""
        self._running[program].send_signal(signal.SIGSTOP)

    def thaw(self, program: str = "kube-apiserver") -> None:
        """Let a frozen one go on."""
        self._running[program].send_signal(signal.SIGCONT)

    def forget_history(self) -> None:
        """Compact etcd and restart the API server: every older resource version is expired."""
        answer = self._ask_etcd("range", {"key": base64.b64encode(b"/").decode()})
        self._ask_etcd("compaction", {"revision": answer["header"]["revision"], "physical": True})
        self.restart()

    # Its clients.

    def kubectl(
        self,
        *arguments: str,
        stdin: str = "",
        code: int | None = 0,
        identity: Identity | None = None,
    ) -> str:
        """What kubectl prints, its errors last; checks the exit code, None takes any."""
        return self.run(
            "kubectl", *arguments, stdin=stdin, code=code, identity=identity or self.admin
        )

    def helm(self, *arguments: str, code: int | None = 0, identity: Identity | None = None) -> str:
        """What helm prints, its errors last."""
        return self.run("helm", *arguments, code=code, identity=identity or self.admin)

    def run(
        self,
        program: str,
        *arguments: str,
        stdin: str = "",
        code: int | None = 0,
        identity: Identity,
    ) -> str:
        """Run a program as somebody, with a home of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HELM")}
        done = subprocess.run(
            [str(self.programs[program]), *arguments],
            input=stdin,
            env=kept
            | {"KUBECONFIG": str(identity.kubeconfig), "HOME": str(self.folder / "home")}
            | {
                f"XDG_{name}_HOME": str(self.folder / "home")
                for name in ("CACHE", "CONFIG", "DATA")
            },
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        said = f"{done.stdout}{done.stderr}"
        assert code is None or done.returncode == code, f"{program} {arguments}: {said}"
        return said

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media: str = "application/json",
        identity: Identity | None = None,
    ) -> tuple[int, Any]:
        """Send one request to the API server; the status of the answer, and what it says."""
        who = identity or self.admin
        asked = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {who.token}", "Content-Type": media},
        )
        context = ssl.create_default_context(cafile=str(self.ca))
        try:
            with urllib.request.urlopen(asked, context=context, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def json(self, *arguments: str, identity: Identity | None = None) -> Any:
        """What `kubectl ... -o json` answers."""
        return json.loads(self.kubectl(*arguments, "-o", "json", identity=identity))

    def apply(self, *objects: Mapping[str, Any], identity: Identity | None = None) -> str:
        """Apply objects as kubectl does from a file."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        return self.kubectl("apply", "-f", "-", stdin=text, identity=identity)

    def namespace(self, prefix: str = "test") -> str:
        """Make a namespace that nobody else uses."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        self.kubectl("create", "namespace", name)
        return name

    def service_account(self, namespace: str, name: str) -> Identity:
        """Make a service account without any right, if it is new, and a token for it."""
        made = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
        self.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(made))
        token = self.kubectl("create", "token", name, "-n", namespace, "--duration", "1h").strip()
        path = self.folder / f"{namespace}.{name}.kubeconfig"
        return self._identity(name, token, path, namespace=namespace)

    def grant(
        self, who: Identity, *rules: Mapping[str, Sequence[str]], everywhere: bool = False
    ) -> None:
        """Give a service account rights in its namespace, or in all."""
        kind = "ClusterRole" if everywhere else "Role"
        api = "rbac.authorization.k8s.io"
        at: dict[str, Any] = {} if everywhere else {"namespace": who.namespace}
        at["name"] = f"{who.namespace}-{who.name}-{secrets.token_hex(4)}"
        subject = {"kind": "ServiceAccount", "name": who.name, "namespace": who.namespace}
        role = {"apiVersion": f"{api}/v1", "kind": kind, "metadata": at, "rules": list(rules)}
        binding = {"apiVersion": f"{api}/v1", "kind": f"{kind}Binding", "metadata": at}
        binding["subjects"] = [subject]
        binding["roleRef"] = {"apiGroup": api, "kind": kind, "name": at["name"]}
        self.apply(role, binding)

    def in_cluster_files(self, who: Identity) -> Path:
        """The folder that a pod of a service account finds mounted."""
        folder = self.folder / f"{who.namespace}.{who.name}.mounted"
        folder.mkdir(exist_ok=True)
        shutil.copy(self.ca, folder / "ca.crt")
        (folder / "namespace").write_text(who.namespace)
        (folder / "token").write_text(who.token)
        return folder

    # What it has seen.

    def requests(self, since: int = 0) -> list[Request]:
        """The requests that were answered, oldest first; `since` leaves out what was there."""
        lines = (self.folder / "audit.log").read_text(encoding="utf-8").splitlines()[since:]
        return [_request(json.loads(line)) for line in lines]

    # Within.

    def _prepare(self) -> None:
        (self.folder / "home").mkdir(parents=True)
        authority = trustme.CA()
        issued = authority.issue_cert(_HOST, "localhost")
        issued.private_key_pem.write_to_path(self.folder / "server.key")
        for blob in issued.cert_chain_pems:
            blob.write_to_path(self.folder / "server.crt", append=True)
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        (self.folder / "accounts.key").write_bytes(pem)
        (self.folder / "tokens.csv").write_text(f'{self._token},admin,admin,"system:masters"\n')
        (self.folder / "policy.json").write_text(json.dumps(_POLICY))
        (self.folder / "audit.log").touch()
        authority.cert_pem.write_to_path(self.ca)
        self._choose_ports()

    def _choose_ports(self) -> None:
        self.port, self._etcd_port = _free_port(), _free_port()
        self._identity("admin", self._token, self.admin.kubeconfig)

    def _identity(
        self, name: str, token: str, path: Path, *, namespace: str = "default"
    ) -> Identity:
        cluster = {"server": self.url, "certificate-authority": str(self.ca)}
        context = {"cluster": "test", "user": name, "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
        }
        path.write_text(json.dumps(config))
        return Identity(name, token, path, namespace)

    def _start_etcd(self) -> None:
        url = f"http://{_HOST}:{self._etcd_port}"
        self._launch(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            f"--listen-peer-urls=http://{_HOST}:0",
            "--unsafe-no-fsync",
            "--log-level=error",
        )

    def _start_server(self) -> None:
        at = self.folder
        self._launch(
            "kube-apiserver",
            f"--etcd-servers=http://{_HOST}:{self._etcd_port}",
            f"--bind-address={_HOST}",
            f"--secure-port={self.port}",
            f"--tls-cert-file={at / 'server.crt'}",
            f"--tls-private-key-file={at / 'server.key'}",
            f"--cert-dir={at / 'certificates'}",
            f"--token-auth-file={at / 'tokens.csv'}",
            "--authorization-mode=RBAC",
            "--anonymous-auth=false",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={at / 'accounts.key'}",
            f"--service-account-signing-key-file={at / 'accounts.key'}",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--endpoint-reconciler-type=none",
            f"--audit-policy-file={at / 'policy.json'}",
            f"--audit-log-path={at / 'audit.log'}",
            "--audit-log-mode=blocking",
            "--v=0",
        )

    def _launch(self, program: str, *options: str) -> None:
        running = self._running.get(program)
        if running is not None and running.poll() is None:
            running.send_signal(signal.SIGCONT)
            return
        # Where the system can do it, they end with the tests, however those end.
        guard = ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []
        with (self.folder / f"{program}.log").open("ab") as log:
            self._running[program] = subprocess.Popen(
                [*guard, str(self.programs[program]), *options], stdout=log, stderr=log
            )

    def _end(self, program: str, how: signal.Signals) -> None:
        process = self._running.pop(program, None)
        if process is not None:
            process.send_signal(how)
            process.wait(_SECONDS)

    def _is_ready(self) -> bool:
        """Wait until it answers; False when a program ended instead, as on a port in use."""
        context = ssl.create_default_context(cafile=str(self.ca))
        asked = urllib.request.Request(
            f"{self.url}/readyz", headers={"Authorization": f"Bearer {self._token}"}
        )
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            if any(process.poll() is not None for process in self._running.values()):
                return False
            try:
                with urllib.request.urlopen(asked, context=context, timeout=5):
                    return True
            except (OSError, urllib.error.HTTPError):
                time.sleep(0.05)
        return False

    def _ask_etcd(self, call: str, body: Mapping[str, Any]) -> Any:
        url = f"http://{_HOST}:{self._etcd_port}/v3/kv/{call}"
        with urllib.request.urlopen(url, data=json.dumps(body).encode(), timeout=30) as answer:
            return json.load(answer)

    def _log(self, program: str) -> str:
        return (self.folder / f"{program}.log").read_text(encoding="utf-8")[-2000:]


def _request(said: Mapping[str, Any]) -> Request:
    return Request(
        said["user"].get("username", ""),  # nobody knows who a refused token is
        said["verb"],
        said["requestURI"],
        said.get("responseStatus", {}).get("code", 0),
        said.get("userAgent", ""),
    )


def _free_port() -> int:
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as tried:
            try:
                tried.bind((_HOST, port))
            except OSError:
                continue
            return port
