"""What a client under `reconcile record` is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from reconciler.api.client_settings import environment, refuse_own_endpoint
from reconciler.errors import UsageError

ENDPOINT = "127.0.0.1:4000"
HTTP = "http://127.0.0.1:4001"


def settings(tmp_path: Path, **variables: str) -> tuple[dict[str, str], dict[str, object]]:
    """The environment, and the content of the file that it names."""
    folder = tmp_path / "made"
    folder.mkdir(exist_ok=True)
    given = environment(
        {"HOME": str(tmp_path / "home"), **variables},
        cwd=tmp_path,
        endpoint=ENDPOINT,
        http=HTTP,
        folder=folder,
    )
    return given, yaml.safe_load(Path(given["FLYTECTL_CONFIG"]).read_text())


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_nothing_of_a_real_endpoint_is_left(tmp_path: Path) -> None:
    given, content = settings(
        tmp_path,
        FLYTE_PLATFORM_URL="flyte.example.com",
        FLYTE_PLATFORM_HTTP_PROXY_URL="http://proxy",
        FLYTE_CREDENTIALS_CLIENT_SECRET="secret",
        FLYTE_ADMIN_ENDPOINT="flyte.example.com",
        FLYTE_AUTH_COMMAND="token",
        FLYTE_API_KEY="secret",
        _FLYTECTL_CONFIG_PYFLYTE_OVERRIDE="prod.yaml",
        NO_PROXY="example.org",
        PATH="/bin",
    )
    assert {name: text for name, text in given.items() if "FLYTE" in name} == {
        "FLYTECTL_CONFIG": given["FLYTECTL_CONFIG"],
        "FLYTE_PLATFORM_URL": ENDPOINT,
        "FLYTE_PLATFORM_INSECURE": "true",
        "FLYTE_ADMIN_ENDPOINT": "dns:///localhost:4001",
        "FLYTE_ADMIN_INSECURE": "true",
    }
    assert content == {"admin": {"endpoint": f"dns:///{ENDPOINT}", "insecure": True}}
    assert given["NO_PROXY"] == "example.org,127.0.0.1,localhost"
    assert given["PATH"] == "/bin"


def test_other_settings_of_the_users_file_are_kept(tmp_path: Path) -> None:
    text = "admin: {endpoint: 'dns:///prod', authType: Pkce}\nimages: {gpu: r/gpu:v1}\n"
    write(tmp_path / "mine.yaml", text)
    expected = {
        "admin": {"endpoint": f"dns:///{ENDPOINT}", "insecure": True},
        "images": {"gpu": "r/gpu:v1"},
    }
    assert settings(tmp_path, FLYTECTL_CONFIG="mine.yaml")[1] == expected
    write(tmp_path / "home" / ".flyte" / "config.yaml", text)
    assert settings(tmp_path)[1] == expected


def test_flytekits_older_files_come_first_and_give_their_images(tmp_path: Path) -> None:
    write(tmp_path / "home" / ".flyte" / "config.yaml", "images: {gpu: r/gpu:v1}\n")
    write(tmp_path / "home" / ".flyte" / "config", "[images]\ngpu=r/gpu:%v2\n")
    assert settings(tmp_path)[1]["images"] == {"gpu": "r/gpu:%v2"}
    write(tmp_path / "flytekit.config", "[platform]\nurl=prod\n")
    assert "images" not in settings(tmp_path)[1]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("mine.yaml", "a: [", "is not YAML"),
        ("mine.config", "no section", "is no configuration of flytekit"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, name: str, text: str, words: str
) -> None:
    write(tmp_path / name, text)
    with pytest.raises(UsageError, match=f"{name}: {words}"):
        settings(tmp_path, FLYTECTL_CONFIG=name)


@pytest.mark.parametrize(
    "command",
    [
        ("flytectl", "-c", "prod.yaml", "register"),
        ("/opt/bin/flytectl", "--config=prod.yaml", "register"),
        ("flytectl", "register", "--admin.endpoint", "prod"),
    ],
)
def test_flytectl_with_an_endpoint_of_its_own_is_refused(command: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="would go before the recording endpoint"):
        refuse_own_endpoint(command)


def test_commands_that_take_their_endpoint_from_us_are_let_through() -> None:
    refuse_own_endpoint(("flytectl", "register", "files", "a.tgz"))
    refuse_own_endpoint(("pyflyte", "--config", "prod.yaml", "register", "src"))


@pytest.mark.parametrize(
    "command",
    [
        ("flyte", "--endpoint", "prod", "deploy", "app.py"),
        ("/opt/bin/flyte", "--endpoint=prod", "deploy", "app.py"),
    ],
)
def test_flyte_with_an_endpoint_of_its_own_is_refused(command: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match="--endpoint would go before the recording endpoint"):
        refuse_own_endpoint(command)


def test_file_that_only_flyte_2_reads_is_still_read(tmp_path: Path) -> None:
    assert "UCTL_CONFIG" not in settings(tmp_path)[0]
    write(tmp_path / "home" / ".union" / "config.yaml", "image: {builder: local}\n")
    found = settings(tmp_path)[0]
    assert found["UCTL_CONFIG"] == str(tmp_path / "home" / ".union" / "config.yaml")
    assert settings(tmp_path, UCTL_CONFIG="mine.yaml")[0]["UCTL_CONFIG"] == "mine.yaml"
    write(tmp_path / "flyte.yaml", "image: {builder: remote}\n")
    assert "UCTL_CONFIG" not in settings(tmp_path, FLYTECTL_CONFIG="flyte.yaml")[0]
