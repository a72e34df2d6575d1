"""Where a job runs: which forge, which pull request, which commit, told by its environment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from reconciler.errors import UsageError
from reconciler.model.secret import Secret


class Forge(StrEnum):
    """The forges that are served."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"


TOKENS = {
    Forge.GITHUB: ("RECONCILE_FORGE_TOKEN", "GITHUB_TOKEN", "GH_TOKEN"),
    Forge.GITLAB: ("RECONCILE_FORGE_TOKEN", "GITLAB_TOKEN"),
    Forge.GITEA: ("RECONCILE_FORGE_TOKEN", "GITEA_TOKEN", "GITHUB_TOKEN"),
}
"""Variables that a token is looked for in, in this order."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REPOSITORY = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One pull request at one commit; `number` is empty where there is only a commit."""

    forge: Forge
    api: str
    repository: str
    number: str = ""
    commit: str = ""
    url: str = ""


def read(environ: Mapping[str, str], **given: str) -> Event:
    """Tell where a job runs; what is `given` wins.

    Raises UsageError for what is neither given nor known.
    """
    chosen = given.pop("forge", "") or _forge(environ)
    if not chosen:
        raise UsageError("--forge: is not known here; give github, gitlab or gitea")
    forge = Forge(chosen)
    found = _gitlab(environ) if forge is Forge.GITLAB else _github(environ, forge)
    event = replace(
        found,
        api=given.get("api") or found.api,
        repository=given.get("repository") or found.repository,
        number=given.get("number") or found.number,
        commit=given.get("commit") or found.commit,
        url=given.get("url") or found.url,
    )
    for name, value, form in (
        ("api", event.api, re.compile(r"https?://[^\s@]+")),
        ("repository", event.repository, _REPOSITORY),
        ("number", event.number or "1", re.compile(r"[1-9][0-9]{0,9}")),
        ("commit", event.commit or "0" * 40, _COMMIT),
    ):
        if not form.fullmatch(value):
            what = f'"{value}" is none' if value else "is not known here"
            raise UsageError(f"--{name}: {what}; give it")
    return event


def token(environ: Mapping[str, str], forge: Forge) -> Secret[str] | None:
    """Find the token; None where there is none, as in a job for a fork."""
    for name in TOKENS[forge]:
        if environ.get(name, "").strip():
            return Secret(environ[name].strip())
    return None


def _forge(environ: Mapping[str, str]) -> str:
    if environ.get("GITLAB_CI"):
        return Forge.GITLAB
    if environ.get("GITEA_ACTIONS"):
        return Forge.GITEA
    return Forge.GITHUB if environ.get("GITHUB_ACTIONS") else ""


def _gitlab(environ: Mapping[str, str]) -> Event:
    return Event(
        forge=Forge.GITLAB,
        api=environ.get("CI_API_V4_URL", ""),
        repository=environ.get("CI_PROJECT_ID", ""),
        number=environ.get("CI_MERGE_REQUEST_IID", ""),
        commit=environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA")
        or environ.get("CI_COMMIT_SHA", ""),
        url=environ.get("CI_JOB_URL", ""),
    )


def _github(environ: Mapping[str, str], forge: Forge) -> Event:
    """Read the event: the commit of a pull request is not the one that was checked out."""
    payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
    request = payload.get("pull_request")
    request = request if isinstance(request, dict) else {}
    head = request.get("head")
    server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
    run = environ.get("GITHUB_RUN_ID", "")
    api = environ.get("GITHUB_API_URL", "")
    if not api and forge is Forge.GITHUB:
        api = "https://api.github.com"
    return Event(
        forge=forge,
        api=api or (f"{server}/api/v1" if server else ""),
        repository=repository,
        number=str(request.get("number", "")),
        commit=str(head.get("sha", ""))
        if isinstance(head, dict)
        else environ.get("GITHUB_SHA", ""),
        url=f"{server}/{repository}/actions/runs/{run}" if server and run else "",
    )


def _payload(path: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
