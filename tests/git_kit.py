"""Real Git servers for tests: git http-backend with basic auth, sshd, git daemon; signed commits.

`needs` fails a test where the machine lacks a program, and says which package has it.
"""

from __future__ import annotations

import asyncio
import base64
import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

USER, PASSWORD = "reconciler", "tok-5d2f-secret-of-git"
_PACKAGES = {
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "gpg": "gnupg",
    "git": "git",
}
_IDENTITY = {
    "GIT_AUTHOR_NAME": "n",
    "GIT_AUTHOR_EMAIL": "dev@example.com",
    "GIT_COMMITTER_NAME": "n",
    "GIT_COMMITTER_EMAIL": "dev@example.com",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
}


def needs(program: str) -> str:
    """Find a program; without it the test fails and says what to install."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, f"{program} is missing: apt-get install {_PACKAGES[program]} (.ci/run does it)"
    return found


def git(folder: Path, *command: str, environ: Mapping[str, str] | None = None) -> str:
    """Run git in a checkout, as somebody who edits."""
    done = subprocess.run(
        ["git", "-c", "init.defaultBranch=main", *command],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **_IDENTITY, **(environ or {})},
    )
    return done.stdout.strip()


@dataclass
class Repository:
    """A bare repository that servers serve, and a checkout that pushes to it."""

    top: Path
    bare: Path
    work: Path

    def commit(self, files: Mapping[str, str | None], message: str = "edit", *flags: str) -> str:
        """Write files (None removes one), commit and return the commit."""
        for name, text in files.items():
            path = self.work / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", message, *flags)
        return git(self.work, "rev-parse", "HEAD")

    def push(self, *what: str) -> None:
        """Push to the bare repository; `main` unless said otherwise."""
        git(self.work, "push", "-q", str(self.bare), *(what or ("HEAD:refs/heads/main",)))

    def pushed(self, files: Mapping[str, str | None], *flags: str) -> str:
        """Commit and push to main."""
        commit = self.commit(files, "edit", *flags)
        self.push()
        return commit

    def pull(self, number: int, files: Mapping[str, str | None], kind: str = "github") -> str:
        """Push a branch as a forge keeps a pull request, return to main; gives its commit."""
        git(self.work, "checkout", "-q", "-B", f"topic-{number}")
        commit = self.commit(files)
        name = "merge-requests" if kind == "gitlab" else "pull"
        self.push("--force", f"HEAD:refs/{name}/{number}/head")
        git(self.work, "checkout", "-q", "-")
        return commit


def repository(folder: Path, name: str = "specs") -> Repository:
    """Make an empty repository below a folder that is to be served."""
    bare, work = folder / "served" / f"{name}.git", folder / f"{name}-work"
    bare.parent.mkdir(parents=True, exist_ok=True)
    git(folder, "init", "-q", "--bare", str(bare))
    git(folder, "init", "-q", str(work))
    return Repository(bare.parent, bare, work)


@dataclass
class Web:
    """A git http-backend with basic auth; `asked` are the paths, `fault` an answer to give."""

    url: str
    asked: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    fault: int = 0
    redirect: str = ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: git that was killed closes its connection."""


def _backend(
    request: BaseHTTPRequestHandler, top: Path, body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    path, _, query = request.path.partition("?")
    environ = {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(top),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": request.headers.get("Git-Protocol") or "",
        "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding") or "",
        "REQUEST_METHOD": request.command,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": request.headers.get("Content-Type") or "",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    program = str(Path(git(top, "--exec-path")) / "git-http-backend")
    done = subprocess.run([program], input=body, capture_output=True, env=environ, check=False)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = [(name, value) for name, _, value in map(_split, head.decode().splitlines())]
    status = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
    return status, [item for item in headers if item[0] != "Status"], content


def _split(line: str) -> tuple[str, str, str]:
    return line.partition(": ")


@contextmanager
def web(top: Path, *, user: str = "", password: str = "") -> Iterator[Web]:
    """Serve the repositories of a folder over http, with a user and a password where given."""
    told = Web("")
    wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
            else:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._answer(body)

        def _answer(self, body: bytes) -> None:
            told.asked.append(self.path)
            told.seen.append(str(self.headers.get("Authorization") or ""))
            if told.redirect:
                self.send_response(302)
                self.send_header("Location", f"{told.redirect}{self.path}")
                self._end(b"")
            elif told.fault:
                self.send_response(told.fault)
                self._end(b"")
            elif user and self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
                self._end(b"")
            else:
                self._cgi(body)

        def _cgi(self, body: bytes) -> None:
            status, headers, content = _backend(self, top, body)
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self._end(content)

        def _end(self, content: bytes) -> None:
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Ssh:
    """An sshd of one's own, and what a client needs to get in."""

    url: str
    identity: str
    known_hosts: str


@contextmanager
def sshd(top: Path) -> Iterator[Ssh]:
    """Serve the repositories of a folder over ssh, for one key."""
    program = needs("sshd")
    with tempfile.TemporaryDirectory(prefix="sshd-") as made:
        home = Path(made)
        for name in ("host", "user"):
            key_pair(home / name)
        port = free_port()
        shutil.copy(home / "user.pub", home / "authorized_keys")
        (home / "authorized_keys").chmod(0o600)
        (home / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {home}/host\nUsePAM no\n"
            f"AuthorizedKeysFile {home}/authorized_keys\nPidFile {home}/pid\nStrictModes no\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nAcceptEnv GIT_PROTOCOL\n"
        )
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True) if os.getuid() == 0 else None
        log = (home / "log").open("wb")
        child = subprocess.Popen(
            [program, "-D", "-e", "-f", str(home / "config")], stdout=log, stderr=log
        )
        try:
            wait_for_port(port)
            host = (home / "host.pub").read_text().split()
            yield Ssh(
                url=f"ssh://{getpass.getuser()}@127.0.0.1:{port}{top}",
                identity=(home / "user").read_text(),
                known_hosts=f"[127.0.0.1]:{port} {host[0]} {host[1]}\n",
            )
        finally:
            child.terminate()
            child.wait()
            log.close()


@contextmanager
def daemon(top: Path) -> Iterator[str]:
    """Serve the repositories of a folder over git://; yields the address."""
    port = free_port()
    child = subprocess.Popen(
        [
            *("git", "-c", "safe.directory=*", "daemon", "--export-all", "--reuseaddr"),
            *(f"--base-path={top}", "--listen=127.0.0.1", f"--port={port}", str(top)),
        ],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for_port(port)
        yield f"git://127.0.0.1:{port}"
    finally:
        os.killpg(child.pid, 15)
        child.wait()


def key_pair(path: Path) -> str:
    """Make an ssh key and return its public line."""
    subprocess.run(
        [needs("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)],
        check=True,
    )
    return path.with_name(f"{path.name}.pub").read_text()


def ssh_signing(key: Path) -> tuple[str, ...]:
    """Return settings of git that sign with an ssh key."""
    return ("-c", "gpg.format=ssh", "-c", f"user.signingKey={key}", "-c", "commit.gpgSign=true")


@dataclass
class Gpg:
    """A keyring of its own with one secret key."""

    home: Path
    key: str
    public: str

    def revoked(self) -> str:
        """Revoke the key, and return it as others then have it; gpg wrote how, made harmless."""
        path = self.home / "openpgp-revocs.d" / f"{self.key}.rev"
        environ = {**os.environ, **self.environ}

        def ask(*words: str, given: str = "") -> str:
            command = [needs("gpg"), "--batch", *words]
            done = subprocess.run(
                command, env=environ, input=given, capture_output=True, text=True, check=True
            )
            return done.stdout

        ask("--import", given=path.read_text().replace(":-----BEGIN", "-----BEGIN"))
        return ask("--armor", "--export", self.key)

    @property
    def settings(self) -> tuple[str, ...]:
        """Settings of git that sign with it; the keyring is named by `environ`."""
        return ("-c", f"user.signingKey={self.key}", "-c", "commit.gpgSign=true")

    @property
    def environ(self) -> dict[str, str]:
        """Where gpg finds the keyring."""
        return {"GNUPGHOME": str(self.home)}


@contextmanager
def gpg(expires: str = "0") -> Iterator[Gpg]:
    """Make a GPG key; its agent ends with it."""
    program = needs("gpg")
    # The socket of the agent has to have a short path.
    with tempfile.TemporaryDirectory(prefix="gpg-", dir="/tmp") as made:
        home = Path(made)
        environ = {**os.environ, "GNUPGHOME": made}

        def ask(*words: str) -> str:
            done = subprocess.run(
                [program, "--batch", *words],
                env=environ,
                capture_output=True,
                text=True,
                check=True,
            )
            return done.stdout

        ask(
            *("--passphrase", "", "--quick-generate-key", "dev <dev@example.com>"),
            *("ed25519", "sign", expires),
        )
        listed = ask("--list-keys", "--with-colons")
        key = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))
        try:
            yield Gpg(home, key, ask("--armor", "--export", key))
        finally:
            subprocess.run(["gpgconf", "--kill", "all"], env=environ, check=False)


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(f"nobody listens on {port}")


async def until(holds: Any, seconds: float = 20.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come to be in time"
        await asyncio.sleep(0.02)


PROGRAM = str(Path(sys.executable).with_name("reconcile"))
