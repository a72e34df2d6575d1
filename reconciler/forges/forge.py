"""Keeps one comment of a pull request, and one status of its commit, as a report says.

A comment is ours when it begins with the hidden line of the report and was written by whoever the
token belongs to; somebody else's copy of that line is left alone. More than one of ours, which two
jobs at once can leave behind, become one again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from reconciler.errors import UnavailableError, UsageError
from reconciler.forges.event import Event, Forge
from reconciler.forges.http import Http
from reconciler.model.secret import Secret
from reconciler.report.markdown import LIMIT
from reconciler.report.quoting import units

_PAGE = 100
_MOST_PAGES = 100
_LONGEST_STATUS = 140


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it is written: its text, the line it is found by, its state and headline."""

    text: str
    marker: str
    state: str
    headline: str

    @property
    def name(self) -> str:
        """Name of its status, such as `reconcile/plan (ranking-prod)`."""
        topic, _, target = self.marker.removeprefix("<!-- reconcile:")[:-4].partition(":")
        return f"reconcile/{topic} ({target})"


def read_report(text: str, name: str) -> Report:
    """Read a report in Markdown; raises UsageError for what is none, or too long to be sent."""
    first, _, rest = text.partition("\n")
    second = rest.partition("\n")[0]
    start, end = "<!-- reconcile:", " -->"
    state = f"{start}state:"
    if not (first.startswith(start) and first.endswith(end) and second.startswith(state)):
        raise UsageError(f"{name}: is no report; make it by `reconcile plan -o markdown`")
    if units(text) > LIMIT:
        raise UsageError(f"{name}: has {units(text):,} characters, and {LIMIT:,} are the most")
    word, _, headline = second.removeprefix(state).removesuffix(end).partition(" ")
    return Report(text, first, word, headline)


def header_of(forge: Forge, token: Secret[str]) -> tuple[str, Secret[str]]:
    """Tell in which header a forge takes its token, and in which form."""
    match forge:
        case Forge.GITHUB:
            return "Authorization", Secret(f"Bearer {token.reveal()}")
        case Forge.GITEA:
            return "Authorization", Secret(f"token {token.reveal()}")
        case Forge.GITLAB:
            return "PRIVATE-TOKEN", token


class Client:
    """One pull request of one forge."""

    def __init__(self, event: Event, http: Http) -> None:
        self._event = event
        self._http = http
        name = quote(event.repository, safe="" if event.forge is Forge.GITLAB else "/")
        self._base = f"/projects/{name}" if event.forge is Forge.GITLAB else f"/repos/{name}"

    async def comment(self, report: Report, *, is_new_too: bool = True) -> str:
        """Write the comment; says what was done: created, updated, unchanged or left out.

        Without `is_new_too` only a comment that is there already is kept up to date.
        """
        for attempt in range(2):
            ours = await self._ours(report.marker)
            for double in ours[1:]:
                await self._remove(double)
            if ours:
                return await self._update(ours[0], report.text)
            if not is_new_too:
                return "left out"
            path = self._list_path()
            try:
                code, body = await self._http.send(
                    "POST", path, {"body": report.text}, once=attempt == 0
                )
            except UnavailableError:
                if attempt:
                    raise
                continue  # it may be there all the same: look before writing it again
            self._http.checked(code, body, path)
            return "created"
        raise AssertionError

    async def status(self, report: Report) -> None:
        """Set the status of the commit; that it is as wanted already is no error."""
        is_good = report.state in {"empty", "changes"}
        shown = report.headline
        if len(shown) > _LONGEST_STATUS:
            shown = f"{shown[: _LONGEST_STATUS - 1]}…"
        body = {"state": "success" if is_good else "failure", "description": shown}
        if self._event.forge is Forge.GITLAB:
            body = {**body, "state": "success" if is_good else "failed", "name": report.name}
        else:
            body = {**body, "context": report.name}
        if self._event.url:
            body["target_url"] = self._event.url
        path = f"{self._base}/statuses/{self._event.commit}"
        code, answer = await self._http.send("POST", path, body)
        if code == 400 and "Cannot transition status" in str(answer):
            return
        self._http.checked(code, answer, path)

    async def _ours(self, marker: str) -> list[dict[str, Any]]:
        me = await self._me()
        return [
            item
            for item in await self._all()
            if str(item.get("body", "")).startswith(f"{marker}\n") and _is_by(item, me)
        ]

    async def _me(self) -> str:
        """Name whose token it is; the token of a job is no user and is not told its name."""
        found = await self._http.get("/user")
        if isinstance(found, dict):
            return str(found.get("username") or found.get("login") or "")
        return ""

    async def _all(self) -> list[dict[str, Any]]:
        found: dict[Any, dict[str, Any]] = {}
        for page in range(1, _MOST_PAGES + 1):
            path = f"{self._list_path()}?per_page={_PAGE}&limit={_PAGE}&page={page}"
            code, body = await self._http.send("GET", path)
            items = self._http.checked(code, body, path)
            new = {item["id"]: item for item in items if item["id"] not in found}
            found.update(new)
            if len(items) < _PAGE or not new:
                break
        return sorted(found.values(), key=lambda item: int(item["id"]))

    async def _update(self, item: dict[str, Any], text: str) -> str:
        if item.get("body") == text:
            return "unchanged"
        method = "PUT" if self._event.forge is Forge.GITLAB else "PATCH"
        path = self._path(item)
        code, body = await self._http.send(method, path, {"body": text})
        self._http.checked(code, body, path)
        return "updated"

    async def _remove(self, item: dict[str, Any]) -> None:
        path = self._path(item)
        code, body = await self._http.send("DELETE", path)
        if code != 404:
            self._http.checked(code, body, path)

    def _list_path(self) -> str:
        number = self._event.number
        if self._event.forge is Forge.GITLAB:
            return f"{self._base}/merge_requests/{number}/notes"
        return f"{self._base}/issues/{number}/comments"

    def _path(self, item: dict[str, Any]) -> str:
        if self._event.forge is Forge.GITLAB:
            return f"{self._list_path()}/{item['id']}"
        return f"{self._base}/issues/comments/{item['id']}"


def _is_by(item: dict[str, Any], me: str) -> bool:
    author = item.get("user") or item.get("author") or {}
    name = str(author.get("username") or author.get("login") or "")
    if me:
        return name == me
    return author.get("type") == "Bot" or name == "gitea-actions"
