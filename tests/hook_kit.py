"""Webhooks as the forges send them: their headers, their bodies, their signatures."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Any

SECRET = "hook-9b1e-secret"
FORGES = ("GitHub", "GitLab", "Gitea", "Bitbucket", "BitbucketServer", "Generic")
_ZERO = "0" * 40


def digest(secret: str, body: bytes) -> str:
    """HMAC-SHA256 in hexadecimal digits."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def headers(
    forge: str, body: bytes, *, secret: str = SECRET, event: str = "push", now: float = 0.0
) -> dict[str, str]:
    """The headers that a forge sends with a body."""
    number, signature = str(uuid.uuid4()), digest(secret, body)
    match forge:
        case "GitHub":
            return {
                "User-Agent": "GitHub-Hookshot/044aadd",
                "X-GitHub-Delivery": number,
                "X-GitHub-Event": event,
                "X-GitHub-Hook-ID": "292430182",
                "X-Hub-Signature": "sha1=7d38cdd689735b008b3c702edd92eea23791c5f6",
                "X-Hub-Signature-256": f"sha256={signature}",
            }
        case "Gitea":
            return {
                "X-Gitea-Delivery": number,
                "X-Gitea-Event": event,
                "X-Gitea-Signature": signature,
                "X-GitHub-Delivery": number,
                "X-GitHub-Event": event,
                "X-Hub-Signature-256": f"sha256={signature}",
            }
        case "GitLab":
            name = {"push": "Push Hook", "pull_request": "Merge Request Hook"}[event]
            return {
                "User-Agent": "GitLab/17.1",
                "X-Gitlab-Event": name,
                "X-Gitlab-Event-UUID": number,
                "X-Gitlab-Token": secret,
            }
        case "Bitbucket":
            return {
                "X-Event-Key": "repo:push",
                "X-Request-UUID": number,
                "X-Hub-Signature": f"sha256={signature}",
            }
        case "BitbucketServer":
            return {
                "X-Event-Key": "repo:refs_changed",
                "X-Request-Id": number,
                "X-Hub-Signature": f"sha256={signature}",
            }
    moment = f"{int(now)}"
    signed = digest(secret, f"{moment}.".encode() + body)
    return {"X-Reconcile-Signature": f"t={moment},v1={signed}"}


def push(forge: str, url: str, ref: str = "refs/heads/main", after: str = "a" * 40) -> bytes:
    """The body of a push to a reference."""
    name = ref.split("/", 2)[2]
    kind = "tag" if ref.startswith("refs/tags/") else "branch"
    body: dict[str, Any]
    match forge:
        case "GitHub" | "Gitea":
            body = {
                "ref": ref,
                "before": _ZERO,
                "after": after,
                "created": False,
                "deleted": False,
                "forced": False,
                "commits": [{"id": after, "message": "edit", "modified": ["deploy/a.json"]}],
                "repository": _github_repository(url),
                "pusher": {"name": "dev", "email": "dev@example.com"},
            }
        case "GitLab":
            body = {
                "object_kind": "tag_push" if kind == "tag" else "push",
                "ref": ref,
                "before": _ZERO,
                "after": after,
                "checkout_sha": after,
                "project_id": 7,
                "project": _gitlab_project(url),
                "total_commits_count": 1,
            }
        case "Bitbucket":
            body = {
                "actor": {"display_name": "dev"},
                "repository": {
                    "type": "repository",
                    "full_name": "team/specs",
                    "links": {"html": {"href": url.removesuffix(".git")}},
                },
                "push": {
                    "changes": [
                        {
                            "old": None,
                            "new": {"type": kind, "name": name, "target": {"hash": after}},
                            "created": True,
                            "closed": False,
                        }
                    ]
                },
            }
        case "BitbucketServer":
            body = {
                "eventKey": "repo:refs_changed",
                "repository": {
                    "slug": "specs",
                    "project": {"key": "TEAM"},
                    "links": {"clone": [{"href": url, "name": "http"}]},
                },
                "changes": [
                    {
                        "ref": {"id": ref, "displayId": name, "type": kind.upper()},
                        "fromHash": _ZERO,
                        "toHash": after,
                        "type": "UPDATE",
                    }
                ],
            }
        case _:
            body = {"repository": url, "ref": ref}
    return json.dumps(body).encode()


def pull(
    forge: str,
    url: str,
    number: int,
    commit: str,
    *,
    action: str = "",
    target: str = "main",
    is_fork: bool = False,
) -> bytes:
    """The body of a push to a pull request."""
    body: dict[str, Any]
    if forge == "GitLab":
        body = {
            "object_kind": "merge_request",
            "project": _gitlab_project(url),
            "object_attributes": {
                "iid": number,
                "action": action or "update",
                "oldrev": _ZERO,
                "last_commit": {"id": commit},
                "source_branch": "topic",
                "target_branch": target,
                "source_project_id": 9 if is_fork else 7,
                "target_project_id": 7,
            },
        }
    else:
        repository = _github_repository(url)
        head = {**repository, "full_name": "stranger/specs"} if is_fork else repository
        body = {
            "action": action or ("synchronized" if forge == "Gitea" else "synchronize"),
            "number": number,
            "pull_request": {
                "number": number,
                "state": "open",
                "head": {"ref": "topic", "sha": commit, "repo": head},
                "base": {"ref": target, "sha": _ZERO, "repo": repository},
            },
            "repository": repository,
        }
    return json.dumps(body).encode()


def _ssh(url: str) -> str:
    host, _, path = url.partition("//")[2].partition("/")
    return f"git@{host.partition(':')[0]}:{path}"


def _github_repository(url: str) -> Mapping[str, Any]:
    return {
        "id": 1,
        "name": "specs",
        "full_name": "team/specs",
        "clone_url": url,
        "ssh_url": _ssh(url),
        "html_url": url.removesuffix(".git"),
        "default_branch": "main",
    }


def _gitlab_project(url: str) -> Mapping[str, Any]:
    return {
        "id": 7,
        "path_with_namespace": "team/specs",
        "default_branch": "main",
        "git_http_url": url,
        "git_ssh_url": _ssh(url),
        "web_url": url.removesuffix(".git"),
    }
