"""What webhooks of the forges say: which repository, which references, which pull request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from reconciler.forges.open_pulls import Pull, pull_of
from reconciler.serve.signatures import Delivery
from reconciler.sources import git
from reconciler.specs.git import ForgeName

_OPENED = frozenset({"opened", "reopened", "synchronize", "synchronized"})
_OPENED_GITLAB = frozenset({"open", "reopen", "update"})
_CLOSED = frozenset({"closed", "close", "merge"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a webhook says. `names` are those of the repository, as `sources.git.normalise` has it.

    `refs` are whole names of references that moved; `default` is the default branch, empty where it
    is not told.
    """

    names: frozenset[str]
    refs: frozenset[str] = frozenset()
    default: str = ""
    pull: Pull | None = None


def read(delivery: Delivery) -> Said:
    """Read a delivery that was found to be signed; raises ValueError for what is none."""
    try:
        body = json.loads(_text_of(delivery))
    except (ValueError, RecursionError):
        raise ValueError("the body is not JSON") from None
    if not isinstance(body, dict):
        raise ValueError("the body is not an object")  # noqa: TRY004 - of the same kind as above
    match delivery.forge:
        case ForgeName.GITHUB | ForgeName.GITEA:
            return _github(delivery.event, body)
        case ForgeName.GITLAB:
            return _gitlab(body)
        case ForgeName.BITBUCKET:
            return _bitbucket(body)
        case ForgeName.GENERIC:
            ref = _text(body, "ref")
            return Said(names=_names(_text(body, "repository")), refs=frozenset({ref} - {""}))


def _text_of(delivery: Delivery) -> bytes | str:
    """Take the JSON out of the form that GitHub and Gitea send unless JSON is chosen."""
    kind = delivery.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        return delivery.body
    form = parse_qs(delivery.body.decode("ascii"), max_num_fields=9)
    return form.get("payload", [""])[0]


def _github(event: str, body: dict[str, Any]) -> Said:
    repository = _map(body, "repository")
    names = _names(*(_text(repository, name) for name in ("clone_url", "ssh_url", "html_url")))
    default = _text(repository, "default_branch")
    if event == "push":
        return Said(names=names, refs=frozenset({_text(body, "ref")} - {""}), default=default)
    request = _map(body, "pull_request")
    action = _text(body, "action")
    if event != "pull_request" or action not in _OPENED | _CLOSED or not request:
        return Said(names=names)
    head, base = _map(request, "head"), _map(request, "base")
    own, other = (_text(_map(side, "repo"), "full_name") for side in (base, head))
    pull = pull_of(
        body.get("number"),
        _text(head, "sha"),
        _text(base, "ref"),
        is_fork=not own or own != other,
        is_closed=action in _CLOSED,
    )
    return Said(names=names, default=default, pull=pull)


def _gitlab(body: dict[str, Any]) -> Said:
    project = _map(body, "project")
    names = _names(*(_text(project, name) for name in ("git_http_url", "git_ssh_url", "web_url")))
    default = _text(project, "default_branch")
    if _text(body, "object_kind") in {"push", "tag_push"}:
        return Said(names=names, refs=frozenset({_text(body, "ref")} - {""}), default=default)
    request = _map(body, "object_attributes")
    is_request = _text(body, "object_kind") == "merge_request"
    action = _text(request, "action")
    if not is_request or action not in _OPENED_GITLAB | _CLOSED:
        return Said(names=names)
    pull = pull_of(
        request.get("iid"),
        _text(_map(request, "last_commit"), "id"),
        _text(request, "target_branch"),
        is_fork=request.get("source_project_id") != request.get("target_project_id"),
        is_closed=action in _CLOSED,
    )
    return Said(names=names, default=default, pull=pull)


def _bitbucket(body: dict[str, Any]) -> Said:
    """Read both forms: that of the cloud, and that of a server of one's own."""
    repository = _map(body, "repository")
    links = _map(repository, "links")
    clones = [item for item in _list(links, "clone") if isinstance(item, dict)]
    addresses = [_text(item, "href") for item in clones]
    names = _names(_text(_map(links, "html"), "href"), *addresses)
    return Said(names=names, refs=frozenset(_changes(body)))


def _changes(body: dict[str, Any]) -> Iterator[str]:
    for change in _list(_map(body, "push"), "changes"):
        for side in ("new", "old"):
            found = _map(change, side) if isinstance(change, dict) else {}
            kind = {"branch": "heads", "tag": "tags"}.get(_text(found, "type"))
            if kind and _text(found, "name"):
                yield f"refs/{kind}/{_text(found, 'name')}"
    for change in _list(body, "changes"):
        ref = _text(_map(change, "ref"), "id") if isinstance(change, dict) else ""
        if ref:
            yield ref


def _names(*urls: str) -> frozenset[str]:
    found = (git.normalise(url) for url in urls if url)
    return frozenset(name.casefold() for name in found if name)


def _map(value: Any, name: str) -> dict[str, Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}


def _list(value: dict[str, Any], name: str) -> list[Any]:
    found = value.get(name)
    return found if isinstance(found, list) else []


def _text(value: dict[str, Any], name: str) -> str:
    found = value.get(name)
    return found if isinstance(found, str) else ""
