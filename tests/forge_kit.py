"""Stand-ins for the APIs of the forges: comments and statuses in memory, with faults on demand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

TOKEN = "tok-8f3a1c-secret"
COMMIT = "a" * 40


@dataclass
class StandIn:
    """One forge: what it holds, what it was asked, and what goes wrong."""

    kind: str
    me: str = "reconciler-bot"
    is_job: bool = False
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    open: dict[int, dict[str, Any]] = field(default_factory=dict)
    url: str = ""

    def opened(
        self, number: int, commit: str, *, target: str = "main", is_fork: bool = False
    ) -> None:
        """Open a pull request, or push to it."""
        own = {"full_name": "team/specs", "default_branch": "main"}
        if self.kind == "gitlab":
            self.open[number] = {
                "iid": number,
                "sha": commit,
                "target_branch": target,
                "source_project_id": 9 if is_fork else 7,
                "target_project_id": 7,
            }
            return
        head = {"full_name": "stranger/specs"} if is_fork else own
        self.open[number] = {
            "number": number,
            "state": "open",
            "head": {"ref": "topic", "sha": commit, "repo": head},
            "base": {"ref": target, "sha": "0" * 40, "repo": own},
        }

    def add(self, body: str, author: str = "", type_: str = "User", *, pull: str = "") -> int:
        """Put a comment on a pull request, on every one where none is named."""
        number = len(self.comments) + 1
        name = "username" if self.kind == "gitlab" else "login"
        key = "author" if self.kind == "gitlab" else "user"
        own = {name: author or self.me, "type": type_ if author else "Bot"}
        self.comments[number] = {"id": number, "body": body, key: own, "pull": pull}
        return number

    @property
    def bodies(self) -> list[str]:
        """The texts of all comments."""
        return [item["body"] for item in self.comments.values()]

    def environ(self, **more: str | None) -> dict[str, str | None]:
        """The variables of a job, without an event file."""
        if self.kind == "gitlab":
            own: dict[str, str | None] = {
                "GITLAB_CI": "true",
                "CI_API_V4_URL": self.url,
                "CI_PROJECT_ID": "7",
                "CI_MERGE_REQUEST_IID": "3",
                "CI_COMMIT_SHA": COMMIT,
                "GITLAB_TOKEN": TOKEN,
            }
            return own | more
        name = "GITEA" if self.kind == "gitea" else "GITHUB"
        return {
            f"{name}_ACTIONS": "true",
            "GITHUB_API_URL": self.url,
            "GITHUB_REPOSITORY": "team/specs",
            "GITHUB_SHA": COMMIT,
            f"{name}_TOKEN": TOKEN,
        } | more

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer as the forge does."""
        self.asked.append(f"{request.method} {request.path}")
        header = request.headers.get(
            "PRIVATE-TOKEN" if self.kind == "gitlab" else "Authorization", ""
        )
        if not header.endswith(TOKEN):
            return web.json_response({"message": "Bad credentials"}, status=401)
        path = request.path
        fault = self.faults.pop(0) if self.faults and path != "/user" else ""
        if fault.isdigit():
            return web.json_response(
                {"message": "later"}, status=int(fault), headers={"Retry-After": "0"}
            )
        answer = await self._answer(request, path)
        if fault == "lost" and request.transport is not None:
            request.transport.close()  # carried out, and nobody is told
        return answer

    async def _answer(self, request: web.Request, path: str) -> web.StreamResponse:
        if path == "/user":
            if self.is_job:
                return web.json_response({"message": "Resource not accessible"}, status=403)
            return web.json_response({"username": self.me, "login": self.me})
        if path.endswith(("/pulls", "/merge_requests")):
            page, size = int(request.query["page"]), int(request.query["per_page"])
            every = [self.open[number] for number in sorted(self.open, reverse=True)]
            asked = request.query.get("base") or request.query.get("target_branch")
            if asked:
                name = "target_branch" if self.kind == "gitlab" else "base"
                every = [item for item in every if asked == _branch(item[name])]
            return web.json_response(every[(page - 1) * size : page * size])
        if "/statuses/" in path:
            self.statuses.append(await request.json())
            return web.json_response({}, status=201)
        if path.endswith(("/comments", "/notes")):
            if request.method == "POST":
                number = self.add((await request.json())["body"], pull=path.split("/")[-2])
                return web.json_response(self.comments[number], status=201)
            page, size = int(request.query["page"]), int(request.query["per_page"])
            ours = {"", path.split("/")[-2]}
            every = [item for item in self.comments.values() if item["pull"] in ours]
            if self.kind == "gitea":
                return web.json_response(every)  # it knows no pages here
            return web.json_response(every[(page - 1) * size : page * size])
        number = int(path.rsplit("/", 1)[1])
        if request.method == "DELETE":
            del self.comments[number]
            return web.Response(status=204)
        self.comments[number]["body"] = (await request.json())["body"]
        return web.json_response(self.comments[number])


def _branch(side: Any) -> str:
    return str(side["ref"]) if isinstance(side, dict) else str(side)


@asynccontextmanager
async def open_forge(kind: str, **given: Any) -> AsyncIterator[StandIn]:
    """Serve a stand-in on a free port."""
    forge = StandIn(kind, **given)
    app = web.Application(client_max_size=2**22)
    app.router.add_route("*", "/{rest:.*}", forge.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    forge.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield forge
    finally:
        await runner.cleanup()
