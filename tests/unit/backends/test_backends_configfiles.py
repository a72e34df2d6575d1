"""Existing flytectl and flytekit files give the same settings as there, and only when named."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import errors
from reconciler.backends import configfiles
from reconciler.backends.auth import secret
from reconciler.backends.settings import Auth, AuthMode, Tls

FLYTECTL = """
admin:
  endpoint: dns:///flyte.example.com
  insecure: false
  caCertFilePath: /etc/ca.pem
  authType: ClientSecret
  clientId: robot
  clientSecretEnvVar: FLYTE_SECRET
  scopes: [all, offline]
  audience: flyte
  useAudienceFromAdmin: true
  maxRetries: 4
console:
  endpoint: https://flyte.example.com
storage:
  type: stow
logger:
  level: 1
"""

FLYTEKIT = """
[platform]
url = flyte.example.com
insecure = off
ca_cert_file_path = /etc/ca.pem
console_endpoint = https://flyte.example.com

[credentials]
auth_mode = client_credentials
client_id = robot
client_secret_env_var = FLYTE_SECRET
scopes = all,offline
audience = flyte

[sdk]
workflow_packages = a
"""

AUTH = Auth(
    mode=AuthMode.CLIENT_CREDENTIALS,
    client_id="robot",
    client_secret=secret.FromEnv("FLYTE_SECRET"),
    scopes=("all", "offline"),
    audience="flyte",
)


def load(
    name: str | Path, *, environ: dict[str, str] | None = None, home: Path = Path("/nowhere")
) -> configfiles.Loaded:
    return configfiles.load(str(name), environ=environ or {}, home=home, chosen_by="--connection")


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def yaml_with(tmp_path: Path, **admin: object) -> Path:
    lines = [f"  {key}: {value}" for key, value in {"endpoint": "h:1", **admin}.items()]
    return write(tmp_path / "config.yaml", "\n".join(["admin:", *lines]))


@pytest.mark.parametrize(
    ("file", "text"), [("c.yaml", FLYTECTL), ("c.ini", FLYTEKIT)], ids=["flytectl", "flytekit"]
)
def test_both_formats_give_the_same_settings(tmp_path: Path, file: str, text: str) -> None:
    path = write(tmp_path / file, text)
    settings = load(path).settings

    assert settings.endpoint == "flyte.example.com"
    assert settings.tls == Tls(ca_file=Path("/etc/ca.pem"))
    assert settings.auth == AUTH
    assert settings.console == "https://flyte.example.com"
    assert settings.chosen_by == f"--connection ({path})"


def test_what_is_not_used_is_noted(tmp_path: Path) -> None:
    path = write(tmp_path / "c.yaml", FLYTECTL)

    assert load(path).notes == (f"{path}: not used: admin.maxRetries, logger, storage",)


def test_flytectl_prefers_the_variable_over_the_home_folder(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home / ".flyte" / "config.yaml", "admin: {endpoint: 'home:1'}")
    named = write(tmp_path / "named.yaml", "admin: {endpoint: 'named:1'}")

    assert load("flytectl", home=home).settings.endpoint == "home:1"
    environ = {"FLYTECTL_CONFIG": str(named), "FLYTE_PLATFORM_URL": "env:1"}
    assert load("flytectl", home=home, environ=environ).settings.endpoint == "named:1"


def test_flytectl_without_a_file_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match=r"no config file; set FLYTECTL_CONFIG, or write"):
        load("flytectl", home=tmp_path)


def test_variable_that_names_no_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match=r"FLYTECTL_CONFIG: .* is not a file"):
        load("flytectl", environ={"FLYTECTL_CONFIG": str(tmp_path / "missing")})


def test_flytekit_looks_in_its_own_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    work.mkdir()
    monkeypatch.chdir(work)
    found = []
    for path, text in [
        (home / ".flyte" / "config.yaml", "admin: {endpoint: 'home-yaml:1'}"),
        (home / ".flyte" / "config", "[platform]\nurl = home-ini:1"),
        (work / "flytekit.config", "[platform]\nurl = work:1"),
    ]:
        write(path, text)
        found.append(load("flytekit", home=home).settings.endpoint)
    named = write(tmp_path / "named.yaml", "admin: {endpoint: 'named:1'}")
    environ = {"FLYTECTL_CONFIG": str(named)}
    found.append(load("flytekit", home=home, environ=environ).settings.endpoint)

    assert found == ["home-yaml:1", "home-ini:1", "work:1", "named:1"]


def test_variables_override_single_options_of_flytekit(tmp_path: Path) -> None:
    write(tmp_path / ".flyte" / "config", FLYTEKIT)
    loaded = load(
        "flytekit",
        home=tmp_path,
        environ={"FLYTE_PLATFORM_URL": "env:1", "FLYTE_CREDENTIALS_SCOPES": "one"},
    )

    assert loaded.settings.endpoint == "env:1"
    assert loaded.settings.auth.scopes == ("one",)
    assert loaded.settings.auth.client_id == "robot"
    assert "overridden by FLYTE_CREDENTIALS_SCOPES, FLYTE_PLATFORM_URL" in loaded.notes[-1]


def test_flytekit_needs_no_file(tmp_path: Path) -> None:
    environ = {"FLYTE_PLATFORM_URL": "env:1", "FLYTE_PLATFORM_INSECURE": "true"}
    loaded = load("flytekit", home=tmp_path, environ=environ)

    assert loaded.settings.endpoint == "env:1"
    assert loaded.settings.insecure


def test_variables_do_not_touch_a_file_named_by_its_path(tmp_path: Path) -> None:
    path = yaml_with(tmp_path)

    assert load(path, environ={"FLYTE_PLATFORM_URL": "env:1"}).settings.endpoint == "h:1"


@pytest.mark.parametrize("mode", ["Pkce", "ExternalCommand", "DeviceFlow", "made-up"])
def test_way_that_needs_a_person_is_an_error_that_names_what_works(
    tmp_path: Path, mode: str
) -> None:
    with pytest.raises(errors.UsageError, match=f'authType "{mode}" .*ClientSecret.*mode Token'):
        load(yaml_with(tmp_path, authType=mode))


def test_sandbox_file_of_flytectl_works_as_it_is(tmp_path: Path) -> None:
    loaded = load(yaml_with(tmp_path, authType="Pkce", insecure="true"))

    assert loaded.settings.auth == Auth()
    assert loaded.settings.insecure
    assert 'not used: authType "Pkce"; authenticating by none' in loaded.notes[0]


@pytest.mark.parametrize("mode", ["ClientSecret", "client_credentials", "basic", "Pkce", ""])
def test_having_a_secret_means_client_credentials(tmp_path: Path, mode: str) -> None:
    path = yaml_with(tmp_path, authType=f"'{mode}'", clientId="a", clientSecretEnvVar="S")

    assert load(path).settings.auth.mode is AuthMode.CLIENT_CREDENTIALS


@pytest.mark.parametrize("mode", ["None", "none"])
def test_none_means_none(tmp_path: Path, mode: str) -> None:
    path = yaml_with(tmp_path, authType=f"'{mode}'", clientId="a", clientSecretEnvVar="S")

    assert load(path).settings.auth == Auth()


def test_secret_of_a_variable_wins_over_a_file_and_that_over_a_literal(tmp_path: Path) -> None:
    file = write(tmp_path / "secret", "from-file\n")
    path = write(
        tmp_path / "c.ini",
        f"[platform]\nurl = h:1\n[credentials]\nclient_id = a\nclient_secret = canary-literal\n"
        f"client_secret_location = {file}\nclient_secret_env_var = S\n",
    )

    with_variable = load(path, environ={"S": "x"}).settings.auth.client_secret
    with_file = load(path).settings.auth.client_secret
    file.unlink()
    literal = load(path).settings

    assert with_variable == secret.FromEnv("S")
    assert with_file == secret.FromFile(file)
    assert literal.auth.client_secret is not None
    resolved = secret.resolve(literal.auth.client_secret, purpose="x")
    assert resolved.reveal() == "canary-literal"
    assert "canary" not in f"{literal!r} {literal.describe()}"


def test_missing_client_id_is_reported(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="needs clientId"):
        load(yaml_with(tmp_path, authType="ClientSecret"))


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("c.yaml", "admin: [", r"c.yaml:1:9: is not YAML"),
        ("c.yaml", "other: 1", "has no admin section"),
        ("c.yaml", "- 1", "has no admin section"),
        ("c.yaml", "admin: {insecure: true}", "endpoint: is missing"),
        ("c.yaml", "[" * 5000, "is not YAML"),
        ("c.yaml", "admin: {endpoint: [a]}", "platform.url: must be text"),
        ("c.yaml", "#" * (1 << 20) + "\nadmin: {endpoint: a}", "larger than 1 MiB"),
        ("c.ini", "no section", r"c.ini:1: is not an INI file"),
        ("c.ini", "[other]\na = 1", r"has no \[platform\] section"),
        ("c.ini", "[platform]\nurl = https://h/console", "is a web address"),
    ],
)
def test_broken_file_is_an_error_with_its_place(
    tmp_path: Path, file: str, text: str, message: str
) -> None:
    with pytest.raises(errors.UsageError, match=message) as caught:
        load(write(tmp_path / file, text))

    assert str(tmp_path) in str(caught.value)


def test_broken_line_is_not_shown_since_it_may_hold_a_secret(tmp_path: Path) -> None:
    path = write(tmp_path / "c.ini", "[credentials]\nclient_secret canary-value\n")
    with pytest.raises(errors.UsageError) as caught:
        load(path)

    assert "canary" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_binary_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(errors.UsageError, match="is not UTF-8"):
        load(path)


def test_missing_file_says_what_may_be_named(tmp_path: Path) -> None:
    with pytest.raises(errors.UsageError, match="name flytectl, flytekit or a config file"):
        load(tmp_path / "missing.yaml")
