"""Which pull requests are open: what a forge lists, newest first, as far as anybody plans them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reconciler.errors import BackendError
from reconciler.forges.event import Forge
from reconciler.forges.http import Http

_PAGE = 50
"""What Gitea gives at most."""

_MOST_PAGES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request that was pushed to, at one commit."""

    number: int
    commit: str
    target: str
    is_fork: bool
    is_closed: bool = False


async def listed(
    http: Http, forge: Forge, repository: str, *, target: str, forks: bool, most: int
) -> tuple[Pull, ...]:
    """List open pull requests into a branch, those that changed last first, and at most so many.

    Raises BackendError, and DeniedError where the token may not see them.
    """
    found: dict[int, Pull] = {}
    for page in range(1, _MOST_PAGES + 1):
        path = _path(forge, repository, target, page)
        code, body = await http.send("GET", path)
        items = http.checked(code, body, path)
        if not isinstance(items, list):
            raise BackendError(f"{path.partition('?')[0]}: is no list of pull requests")
        new = [one for one in map(_read(forge), items) if one and one.number not in found]
        wanted = (one for one in new if one.target == target and (forks or not one.is_fork))
        found.update((one.number, one) for one in wanted)
        if len(items) < _PAGE or not new or len(found) >= most:
            break
    return tuple(found.values())[:most]


def _path(forge: Forge, repository: str, target: str, page: int) -> str:
    name, branch = quote(repository, safe=""), quote(target, safe="")
    pages = f"per_page={_PAGE}&page={page}"
    match forge:
        case Forge.GITLAB:
            asked = f"state=opened&target_branch={branch}&order_by=updated_at&{pages}"
            return f"/projects/{name}/merge_requests?{asked}"
        case Forge.GITHUB:
            asked = f"state=open&base={branch}&sort=updated&direction=desc&{pages}"
        case Forge.GITEA:
            asked = f"state=open&sort=recentupdate&limit={_PAGE}&{pages}"
    return f"/repos/{quote(repository, safe='/')}/pulls?{asked}"


def _read(forge: Forge) -> Any:
    return _of_gitlab if forge is Forge.GITLAB else _of_github


def _of_github(item: Any) -> Pull | None:
    head, base = _map(item, "head"), _map(item, "base")
    own, other = (str(_map(side, "repo").get("full_name") or "") for side in (base, head))
    return pull_of(
        _dict(item).get("number"),
        head.get("sha"),
        base.get("ref"),
        is_fork=not own or own != other,
    )


def _of_gitlab(item: Any) -> Pull | None:
    found = _dict(item)
    own = found.get("target_project_id")
    return pull_of(
        found.get("iid"),
        found.get("sha"),
        found.get("target_branch"),
        is_fork=own is None or own != found.get("source_project_id"),
    )


def pull_of(
    number: object, commit: object, target: object, *, is_fork: bool, is_closed: bool = False
) -> Pull | None:
    """Make one of what a forge says; None for what is none."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        return None
    if not isinstance(commit, str) or not commit:
        return None
    return Pull(
        number=number,
        commit=commit,
        target=target if isinstance(target, str) else "",
        is_fork=is_fork,
        is_closed=is_closed,
    )


def _map(value: Any, name: str) -> dict[str, Any]:
    return _dict(_dict(value).get(name))


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
