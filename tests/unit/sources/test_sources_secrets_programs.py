"""Files that the real `age` and `sops` encrypted are opened by them; keys stay out of arguments."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import go_tools
import pytest

from reconciler.errors import UsageError
from reconciler.model.secret import Secret
from reconciler.sources import secrets

TOOLS = Path(__file__).parents[2] / "oracle" / "ciphers"
CANARY = "canary-5e0d-value"
PACKAGES = (
    "filippo.io/age/cmd/age",
    "filippo.io/age/cmd/age-keygen",
    "github.com/getsops/sops/v3/cmd/sops",
)

pytestmark = [
    pytest.mark.timeout(1200),  # the first build compiles the clients of every cloud
    pytest.mark.skipif(shutil.which("go") is None, reason="the programs are built by Go"),
]


@pytest.fixture(scope="module")
def programs() -> Path:
    """The programs, built the first time."""
    return go_tools.folder_of(go_tools.Tools(TOOLS, PACKAGES))


@pytest.fixture
def identity(programs: Path, monkeypatch: pytest.MonkeyPatch) -> Secret[bytes]:
    """Make a key, with the programs in the search path."""
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    made = subprocess.run([programs / "age-keygen"], capture_output=True, check=True)
    return Secret(made.stdout)


@pytest.fixture
def recipient(programs: Path, identity: Secret[bytes]) -> str:
    command = [programs / "age-keygen", "-y"]
    made = subprocess.run(command, input=identity.reveal(), capture_output=True, check=True)
    return made.stdout.decode().strip()


def test_age_file_is_opened(
    tmp_path: Path, programs: Path, identity: Secret[bytes], recipient: str
) -> None:
    path = tmp_path / "key.age"
    command = [programs / "age", "--recipient", recipient, "--output", path]
    subprocess.run(command, input=f"{CANARY}\n".encode(), check=True)
    assert secrets.open_age(path, identity).reveal() == f"{CANARY}\n".encode()


def test_wrong_key_is_an_error_that_names_file_and_program(
    tmp_path: Path, programs: Path, identity: Secret[bytes], recipient: str
) -> None:
    path = tmp_path / "key.age"
    command = [programs / "age", "--recipient", recipient, "--output", path]
    subprocess.run(command, input=CANARY.encode(), check=True)
    other = subprocess.run([programs / "age-keygen"], capture_output=True, check=True)
    with pytest.raises(UsageError, match=r"key\.age: `age` cannot open it") as caught:
        secrets.open_age(path, Secret(other.stdout))
    assert "AGE-SECRET-KEY" not in str(caught.value)


@pytest.fixture
def encrypted(tmp_path: Path, programs: Path, recipient: str) -> Path:
    """Encrypt two values with SOPS."""
    path = tmp_path / "secrets.enc.yaml"
    path.write_text(f"db:\n  password: {CANARY}\n  other: one\n")
    command = [programs / "sops", "encrypt", "--age", recipient, "--in-place", path]
    subprocess.run(command, check=True, capture_output=True)
    assert CANARY not in path.read_text()
    return path


def _key(identity: Secret[bytes]) -> Secret[bytes]:
    return Secret(identity.reveal().splitlines()[-1])


def test_value_of_a_sops_file_is_opened(encrypted: Path, identity: Secret[bytes]) -> None:
    found = secrets.open_sops(encrypted, "db.password", _key(identity))
    assert found.reveal() == CANARY.encode()


def test_sops_file_is_opened_with_a_whole_key_file(
    encrypted: Path, identity: Secret[bytes]
) -> None:
    found = secrets.open_sops(encrypted, "db.password", identity)
    assert found.reveal() == CANARY.encode()


def test_whole_sops_file_is_opened(encrypted: Path, identity: Secret[bytes]) -> None:
    assert CANARY.encode() in secrets.open_sops(encrypted, "", _key(identity)).reveal()


def test_token_follows_the_value_that_sops_changed_and_no_other(
    encrypted: Path, programs: Path, identity: Secret[bytes]
) -> None:
    def token(key: str) -> str:
        return secrets.encrypted(encrypted, key, lambda: identity).token

    before = token("db.password"), token("db.other")
    environment = os.environ | {"SOPS_AGE_KEY": _key(identity).reveal().decode()}
    command = [programs / "sops", "set", encrypted, '["db"]["other"]', '"two"']
    subprocess.run(command, check=True, env=environment, capture_output=True)
    assert token("db.password") == before[0]
    assert token("db.other") != before[1]


def test_sops_file_without_its_key_is_an_error(encrypted: Path, identity: Secret[bytes]) -> None:
    del identity
    with pytest.raises(UsageError, match=r"secrets\.enc\.yaml: `sops` cannot open it"):
        secrets.open_sops(encrypted, "db.password", None)
