"""Tells Flyte's clients to use an endpoint of ours, and otherwise what their user chose.

flytekit takes its endpoint from FLYTE_PLATFORM_URL before any file, so that one named with
`--config` does no harm (flytekit 1.16, configuration/file.py). flytectl takes it from the file in
FLYTECTL_CONFIG, and a flag goes before that (flytectl of Flyte 1.16.8): such a flag is refused.
The SDK of Flyte 2 takes it from FLYTE_ADMIN_ENDPOINT, before any file and only where it finds one;
a flag goes before that and is refused too (flyte 2.12, config/_reader.py). Beside the file that it
finds it keeps a cache, which remembers uploads for a day.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import yaml

from reconciler.errors import UsageError

_FILE = "FLYTECTL_CONFIG"
_OVERRIDE = "_FLYTECTL_CONFIG_PYFLYTE_OVERRIDE"
_UNION_FILE = "UCTL_CONFIG"
_OWN = (
    *("FLYTE_PLATFORM_", "FLYTE_CREDENTIALS_"),
    *("FLYTE_ADMIN_", "FLYTE_AUTH_", "FLYTE_API_KEY"),
)
_LOOPBACK = "127.0.0.1,localhost"


def refuse_own_endpoint(command: Sequence[str]) -> None:
    """Raise UsageError for a command that names an endpoint which we could not replace."""
    program = PurePath(command[0]).stem
    for word in command[1:]:
        flag = word.partition("=")[0]
        if program == "flyte" and flag == "--endpoint":
            raise UsageError(
                "flyte: --endpoint would go before the recording endpoint; leave it out"
            )
        if program != "flytectl":
            continue
        if flag in {"-c", "--config"} or flag.startswith("--admin."):
            raise UsageError(
                f"flytectl: {flag} would go before the recording endpoint; leave it out, and name "
                f"the file with the variable {_FILE} if it holds other settings"
            )


def environment(
    variables: Mapping[str, str], *, cwd: Path, endpoint: str, http: str, folder: Path
) -> dict[str, str]:
    """Make the environment of a client whose Flyte is at `endpoint`, HOST:PORT without TLS.

    `http` is its URL for the SDK of Flyte 2. Writes a configuration file below `folder`: the
    user's, with another endpoint. Raises UsageError when the user's cannot be read.
    """
    settings = _settings(variables, cwd)
    settings["admin"] = {"endpoint": f"dns:///{endpoint}", "insecure": True}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    kept = {
        name: value
        for name, value in variables.items()
        if not name.startswith(_OWN) and name != _OVERRIDE
    }
    kept |= {_FILE: str(path), "FLYTE_PLATFORM_URL": endpoint, "FLYTE_PLATFORM_INSECURE": "true"}
    # By name, since the SDK reads the name of an organisation from an address of numbers.
    named = f"localhost:{http.rpartition(':')[2]}"
    kept |= {"FLYTE_ADMIN_ENDPOINT": f"dns:///{named}", "FLYTE_ADMIN_INSECURE": "true"}
    union = Path(variables.get("HOME") or Path.home(), ".union", "config.yaml")
    if _FILE not in variables and union.is_file():
        kept.setdefault(_UNION_FILE, str(union))
    for name in ("NO_PROXY", "no_proxy"):
        kept[name] = ",".join(filter(None, (kept.get(name, ""), _LOOPBACK)))
    return kept


def _settings(variables: Mapping[str, str], cwd: Path) -> dict[str, Any]:
    """Read the file that the client would have read, in flytekit's order."""
    home = Path(variables.get("HOME") or Path.home(), ".flyte")
    named = variables.get(_FILE)
    files = [cwd / "flytekit.config", home / "config", home / "config.yaml"]
    for path in [cwd / named, *files] if named else files:
        if path.is_file():
            return _yaml(path) if path.suffix in {".yaml", ".yml"} else _ini(path)
    return {}


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, RecursionError):
        raise UsageError(f"{path}: is not YAML; correct it or name another with {_FILE}") from None
    return found if isinstance(found, dict) else {}


def _ini(path: Path) -> dict[str, Any]:
    """Of flytekit's older format, what changes what is registered: the images."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (configparser.Error, UnicodeError):
        raise UsageError(
            f"{path}: is no configuration of flytekit; correct it or name another with {_FILE}"
        ) from None
    return {"images": dict(parser["images"])} if parser.has_section("images") else {}
