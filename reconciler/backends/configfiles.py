"""Existing flytectl and flytekit config files, read unchanged, and only when somebody names them.

Facts from flytekit 1.16 and flytectl: files ending in .yaml or .yml have flytectl's layout (dotted
keys below `admin`), all others are INI with `[platform]` and `[credentials]`. flytekit looks for
`FLYTECTL_CONFIG`, `./flytekit.config`, `~/.flyte/config`, `~/.flyte/config.yaml`, and lets
`FLYTE_<SECTION>_<OPTION>` override single options. A client's secret from a variable wins over one
from a file, that over a literal; having one of the first two means client credentials.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import yaml

from reconciler import errors
from reconciler.backends import settings as connection
from reconciler.backends.auth import secret
from reconciler.model.secret import Secret

if TYPE_CHECKING:
    from reconciler.model.document import Json

_MAX_BYTES = 1 << 20
_DEFAULT_SECRET_FILE = Path("/etc/secrets/client_secret")
_FALSE = {"false", "0", "off", "no", ""}
_CLIENT_CREDENTIALS = {"clientsecret", "client_credentials", "basic"}

_ENDPOINT = "platform.url"
_INSECURE = "platform.insecure"
_SKIP_VERIFY = "platform.insecure_skip_verify"
_CA_FILE = "platform.ca_cert_file_path"
_CONSOLE = "platform.console_endpoint"
_MODE = "credentials.auth_mode"
_CLIENT_ID = "credentials.client_id"
_SECRET = "credentials.client_secret"  # noqa: S105 - the name of an option
_SECRET_FILE = "credentials.client_secret_location"  # noqa: S105 - the name of an option
_SECRET_ENV = "credentials.client_secret_env_var"  # noqa: S105 - the name of an option
_SCOPES = "credentials.scopes"
_AUDIENCE = "credentials.audience"

_YAML_KEYS = {
    "admin.endpoint": _ENDPOINT,
    "admin.insecure": _INSECURE,
    "admin.insecureSkipVerify": _SKIP_VERIFY,
    "admin.caCertFilePath": _CA_FILE,
    "console.endpoint": _CONSOLE,
    "admin.authType": _MODE,
    "admin.clientId": _CLIENT_ID,
    "admin.clientSecretLocation": _SECRET_FILE,
    "admin.clientSecretEnvVar": _SECRET_ENV,
    "admin.scopes": _SCOPES,
    "admin.audience": _AUDIENCE,
}
_OPTIONS = (*_YAML_KEYS.values(), _SECRET)
_WITHOUT_NOTE = {"admin.useAudienceFromAdmin"}
"""The audience that the server announces is used anyway, where the file names none."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings from an existing file; `notes` say what in it was not used, and why."""

    settings: connection.Settings
    notes: tuple[str, ...] = ()


def load(name: str, *, environ: Mapping[str, str], home: Path, chosen_by: str) -> Loaded:
    """Read `flytectl`, `flytekit` or the file at the path `name`.

    The environment counts for `flytectl` (where its file is) and `flytekit` (that, and options
    that override the file's); a named file stands for itself. Raises UsageError.
    """
    match name:
        case "flytectl":
            path = _first([*_named(environ), home / ".flyte" / "config.yaml"])
            if path is None:
                raise errors.UsageError(
                    f"{chosen_by}: flytectl: no config file; set FLYTECTL_CONFIG, or write "
                    f"{home / '.flyte' / 'config.yaml'}"
                )
            overrides: dict[str, str] = {}
        case "flytekit":
            places = (Path("flytekit.config"), home / ".flyte/config", home / ".flyte/config.yaml")
            path = _first([*_named(environ), *places])
            overrides = dict(_overrides(environ))
        case _:
            path, overrides = Path(name).expanduser(), {}
    options, ignored = _read(path) if path else ({}, [])
    place = str(path) if path else f"{chosen_by}: flytekit"
    origin = f"{chosen_by} ({path or 'environment'})"
    notes = [f"{place}: not used: {', '.join(sorted(ignored))}"] if ignored else []
    if overrides:
        notes.append(f"{place}: overridden by {', '.join(sorted(map(_variable, overrides)))}")
    return _settings(_Options({**options, **overrides}, place, environ), origin, notes)


def _settings(options: _Options, origin: str, notes: list[str]) -> Loaded:
    place = options.place
    tls = connection.Tls(
        insecure=options.flag(_INSECURE),
        ca_file=options.path(_CA_FILE),
        insecure_skip_verify=options.flag(_SKIP_VERIFY),
    )
    if tls.insecure and tls != connection.Tls(insecure=True):
        notes.append(f"{place}: not used: certificate settings, since insecure is plaintext")
        tls = connection.Tls(insecure=True)
    auth, note = _auth(options, is_plaintext=tls.insecure)
    settings = connection.for_endpoint(options.text(_ENDPOINT), chosen_by=place)
    return Loaded(
        replace(settings, chosen_by=origin, tls=tls, auth=auth, console=options.text(_CONSOLE)),
        (*notes, *note),
    )


def _auth(options: _Options, *, is_plaintext: bool) -> tuple[connection.Auth, tuple[str, ...]]:
    """Client credentials or nothing; raises UsageError for a way that needs a person or a program.

    flytectl writes `authType: Pkce` with `insecure: true` for its own sandbox, which has no
    authentication; that pair, and no other, is read as none.
    """
    mode = options.text(_MODE)
    reference = options.secret()
    is_known = mode.lower() in _CLIENT_CREDENTIALS
    note: tuple[str, ...] = ()
    if not is_known and mode.lower() not in {"", "none"}:
        if reference is None and not is_plaintext:
            raise errors.UsageError(
                f'{options.place}: authType "{mode}" needs a browser or a program and is not '
                "supported; use authType ClientSecret with clientId and clientSecretEnvVar or "
                "clientSecretLocation, or a FlyteConnection with auth.mode Token"
            )
        used = "ClientSecret" if reference else "none, on a plaintext endpoint"
        note = (f'{options.place}: not used: authType "{mode}"; authenticating by {used}',)
    if not is_known and (reference is None or mode.lower() == "none"):
        return connection.Auth(), note
    auth = connection.Auth(
        mode=connection.AuthMode.CLIENT_CREDENTIALS,
        client_id=options.text(_CLIENT_ID),
        client_secret=reference or secret.FromFile(_DEFAULT_SECRET_FILE),
        scopes=options.items(_SCOPES),
        audience=options.text(_AUDIENCE),
    )
    return connection.validate_auth(auth, place=options.place), note


@dataclass(frozen=True, slots=True, repr=False)
class _Options:
    """Options by `section.option`, with the coercions that flytekit makes; may hold a secret."""

    values: Mapping[str, Json]
    place: str
    environ: Mapping[str, str]

    def text(self, option: str) -> str:
        value = self.values.get(option)
        if isinstance(value, list | dict):
            raise errors.UsageError(f"{self.place}: {option}: must be text")
        return "" if value is None else str(value).strip()

    def flag(self, option: str) -> bool:
        return self.text(option).lower() not in _FALSE

    def items(self, option: str) -> tuple[str, ...]:
        value = self.values.get(option)
        parts = value if isinstance(value, list) else self.text(option).split(",")
        return tuple(text for part in parts if (text := str(part).strip()))

    def path(self, option: str) -> Path | None:
        text = self.text(option)
        return Path(text).expanduser() if text else None

    def secret(self) -> secret.Reference | None:
        variable, path = self.text(_SECRET_ENV), self.path(_SECRET_FILE)
        literal = self.text(_SECRET)
        if variable and (variable in self.environ or not (path or literal)):
            return secret.FromEnv(variable)
        if path and (path.exists() or not literal):
            return secret.FromFile(path)
        if literal:
            return secret.Given(Secret(literal), f"{_SECRET} of {self.place}")
        return None


def _named(environ: Mapping[str, str]) -> list[Path]:
    named = environ.get("FLYTECTL_CONFIG")
    if not named:
        return []
    path = Path(named).expanduser()
    if not path.is_file():
        raise errors.UsageError(f"FLYTECTL_CONFIG: {path}: is not a file; correct or unset it")
    return [path]


def _first(paths: list[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)


def _variable(option: str) -> str:
    return f"FLYTE_{option.replace('.', '_').upper()}"


def _overrides(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for option in _OPTIONS:
        value = environ.get(_variable(option))
        if value:
            yield option, value


def _read(path: Path) -> tuple[dict[str, Json], list[str]]:
    """Return the options of a file, and the names in it that are not ours to use."""
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
        text = raw.decode("utf-8")
    except OSError as error:
        raise errors.UsageError(
            f"{path}: cannot be read ({error.strerror}); name flytectl, flytekit or a config file"
        ) from error
    except UnicodeDecodeError as error:
        raise errors.UsageError(f"{path}: is not UTF-8 text") from error
    if len(raw) > _MAX_BYTES:
        raise errors.UsageError(f"{path}: is larger than 1 MiB; this is no config file")
    return _read_yaml(text, path) if path.suffix in {".yaml", ".yml"} else _read_ini(text, path)


def _read_yaml(text: str, path: Path) -> tuple[dict[str, Json], list[str]]:
    try:
        document = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        at = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise errors.UsageError(f"{path}{at}: is not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise errors.UsageError(f"{path}: is not YAML that can be read") from error
    if not isinstance(document, dict) or not isinstance(document.get("admin"), dict):
        raise errors.UsageError(
            f"{path}: has no admin section; this is no config file of flytectl or flytekit"
        )
    options: dict[str, Json] = {}
    ignored: list[str] = []
    for section, content in document.items():
        if section not in {"admin", "console"} or not isinstance(content, dict):
            ignored.append(str(section))
            continue
        for key, value in content.items():
            dotted = f"{section}.{key}"
            if dotted in _YAML_KEYS:
                options[_YAML_KEYS[dotted]] = cast("Json", value)
            elif dotted not in _WITHOUT_NOTE:
                ignored.append(dotted)
    return options, ignored


def _read_ini(text: str, path: Path) -> tuple[dict[str, Json], list[str]]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text, source=path.name)
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        at = f":{line}" if line else ""
        raise errors.UsageError(f"{path}{at}: is not an INI file of flytekit") from None
    if not parser.has_section("platform"):
        raise errors.UsageError(
            f"{path}: has no [platform] section; this is no config file of flytekit "
            "(flytectl's end in .yaml)"
        )
    options: dict[str, Json] = {}
    ignored: list[str] = []
    for section in parser.sections():
        for option, value in parser.items(section):
            dotted = f"{section}.{option}"
            if dotted in _OPTIONS:
                options[dotted] = value
            else:
                ignored.append(dotted)
    return options, ignored
