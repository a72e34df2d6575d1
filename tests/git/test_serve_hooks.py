"""Webhooks of each forge mark the sets of their repository and reference, and nothing else."""

from __future__ import annotations

import io
import json
from pathlib import Path

import aiohttp
import hook_kit
import pytest
import serve_kit
from hook_kit import FORGES, SECRET
from serve_kit import Serving, plans

from reconciler.forges.open_pulls import Pull
from reconciler.model.secret import Secret
from reconciler.serve import config, signatures
from reconciler.serve.hooks import MOST_BYTES, Hooks
from reconciler.serve.run import entries
from reconciler.serve.signatures import Delivery, Key
from reconciler.specs.git import ForgeName

URL = "https://git.example.com/team/specs.git"
NOW = 1_780_000_000.0


class Marked:
    """Notes what was marked."""

    def __init__(self) -> None:
        self.sets: list[str] = []
        self.pulls: list[tuple[str, Pull]] = []

    def pushed(self, name: str) -> None:
        self.sets.append(name)

    def pulled(self, name: str, pull: Pull) -> None:
        self.pulls.append((name, pull))


class Desk:
    """Webhooks of a few sets, some of which are of the same repository."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marked = Marked()
        self.hooks = Hooks(self.marked, clock=lambda: NOW)

    def declare(self, forge: str, secret: str = SECRET, **git: object) -> None:
        name = f"team-{len(list(self.folder.glob('*.json')))}"
        place = self.folder / f"secret-{name}"
        place.mkdir()
        (place / "secret").write_text(secret)
        (place / "token").write_text("t")
        reference = {"directory": str(place)}
        kind = "Bitbucket" if forge == "BitbucketServer" else forge
        if git.pop("pulls", False):
            git["pullRequests"] = {
                "repository": "team/specs",
                "secretRef": reference,
                "forks": git.pop("forks", False),
            }
        document = {
            "apiVersion": "flyte.reconciler.dev/v1alpha1",
            "kind": "FlyteSync",
            "metadata": {"name": name},
            "spec": {
                "git": {"url": URL, "webhook": {"forge": kind, "secretRef": reference}, **git}
            },
        }
        (self.folder / f"{name}.json").write_text(json.dumps(document))
        found = config.read([str(self.folder)], cwd=self.folder)
        assert not found.faults
        self.hooks.refresh(entries(found))

    def send(self, forge: str, body: bytes, event: str = "push", **given: object) -> int:
        headers = hook_kit.headers(forge, body, event=event, **{"now": NOW, **given})  # type: ignore[arg-type]
        return self.give(body, headers)

    def give(self, body: bytes, headers: dict[str, str]) -> int:
        lower = {name.lower(): text for name, text in headers.items()}
        return self.hooks.take(Delivery(headers=lower, body=body))[0]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("forge", FORGES)
def test_right_signature_marks_and_a_wrong_one_does_not(desk: Desk, forge: str) -> None:
    desk.declare(forge)
    body = hook_kit.push(forge, URL)
    assert desk.send(forge, body) == 202
    assert desk.marked.sets == ["team-0"]
    assert desk.send(forge, body, secret="another") == 401
    assert desk.send(forge, body, secret="") == 401
    bare = {
        name: text
        for name, text in hook_kit.headers(forge, body, now=NOW).items()
        if "Signature" not in name and "Token" not in name
    }
    assert desk.give(body, bare) == 401
    if forge != "GitLab":
        signed = hook_kit.headers(forge, body, now=NOW)
        assert desk.give(body + b" ", signed) == 401, "the signature is of the raw bytes"
    assert desk.marked.sets == ["team-0"]


def test_signatures_are_those_that_the_forges_document() -> None:
    secret = Secret("It's a Secret to Everybody")
    github = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    bitbucket = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    for forge, event, name, value, body in (
        ("GitHub", "x-github-event", "x-hub-signature-256", github, b"Hello, World!"),
        ("Bitbucket", "x-event-key", "x-hub-signature", bitbucket, b"Hello World!"),
    ):
        delivery = Delivery(headers={event: "push", name: f"sha256={value}"}, body=body)
        assert signatures.is_by(delivery, Key(ForgeName(forge), secret), now=0.0)


@pytest.mark.parametrize("forge", FORGES)
def test_secret_of_one_forge_is_none_of_another(desk: Desk, forge: str) -> None:
    desk.declare(forge)
    for other in ("GitHub", "GitLab", "Gitea", "Bitbucket", "Generic"):
        if not forge.startswith(other):
            assert desk.send(other, hook_kit.push(other, URL)) == 401, other
    assert desk.marked.sets == []


@pytest.mark.parametrize("forge", FORGES)
def test_only_sets_of_the_repository_and_the_reference_are_marked(desk: Desk, forge: str) -> None:
    desk.declare(forge)
    desk.declare(forge, ref={"branch": "main"})
    desk.declare(forge, ref={"branch": "other/branch"})
    desk.declare(forge, ref={"tag": "v1.0.0"})
    desk.declare(forge, ref={"semver": "^1"})
    desk.declare(forge, ref={"commit": "a" * 40})
    desk.declare(forge, url="https://git.example.com/team/others.git")
    desk.declare(forge, secret="another secret")
    desk.declare(forge, url="git@git.example.com:Team/specs")

    def marked(ref: str) -> list[str]:
        desk.marked.sets.clear()
        assert desk.send(forge, hook_kit.push(forge, URL, ref)) == 202
        return desk.marked.sets

    main = marked("refs/heads/main")
    assert [name for name in main if name != "team-8"] == ["team-0", "team-1"]
    assert "team-8" in main, "the address by ssh is of the same repository"
    others = marked("refs/heads/other/branch")
    assert "team-2" in others
    assert "team-1" not in others
    assert marked("refs/tags/v1.0.0") == ["team-3", "team-4"]
    assert marked("refs/tags/v1.1.0") == ["team-4"]
    desk.marked.sets.clear()
    desk.send(forge, hook_kit.push(forge, "https://git.example.com/stranger/specs.git"))
    assert desk.marked.sets == []


@pytest.mark.parametrize("forge", FORGES)
@pytest.mark.parametrize(
    "value", ["", "\udcff\udcfe", "ä", "t=1,v1=" + "0" * 64, "sha256=", "x" * 9999]
)
def test_odd_signatures_are_wrong_ones(desk: Desk, forge: str, value: str) -> None:
    desk.declare(forge)
    body = hook_kit.push(forge, URL)
    headers = hook_kit.headers(forge, body, now=NOW)
    odd = {
        name: value if "ignature" in name or "Token" in name else text
        for name, text in headers.items()
    }
    assert desk.give(body, odd) == 401
    assert desk.marked.sets == []


def test_old_and_repeated_deliveries_mark_nothing(desk: Desk) -> None:
    desk.declare("Generic")
    desk.declare("GitHub")
    body = hook_kit.push("Generic", URL)
    for moment in (NOW - 301, NOW + 301, 0.0):
        assert desk.send("Generic", body, now=moment) == 401
    assert desk.send("Generic", body, now=NOW - 299) == 202
    assert desk.send("Generic", body, now=NOW - 299) == 200
    body = hook_kit.push("GitHub", URL)
    headers = hook_kit.headers("GitHub", body)
    assert desk.give(body, headers) == 202
    assert desk.give(body, headers) == 200
    assert desk.marked.sets == ["team-0", "team-1"]


def test_secrets_are_exchanged_line_by_line(desk: Desk) -> None:
    desk.declare("GitHub", secret="old secret\nnew secret\n\n")
    body = hook_kit.push("GitHub", URL)
    assert desk.send("GitHub", body, secret="old secret") == 202
    assert desk.send("GitHub", body, secret="new secret") == 202
    assert desk.send("GitHub", body, secret="") == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff",
        b"[" * 100_000,
        b'{"ref": 1, "repository": 2}',
        b'{"ref": ["refs/heads/main"], "repository": {"clone_url": {}}}',
        b'{"repository": {"clone_url": "https://git.example.com/team/specs"}}',
    ],
)
@pytest.mark.parametrize("forge", FORGES)
def test_odd_bodies_mark_nothing(desk: Desk, forge: str, body: bytes) -> None:
    desk.declare(forge)
    assert desk.send(forge, body) in {202, 400}
    assert desk.marked.sets == []


@pytest.mark.parametrize("forge", ["GitHub", "GitLab", "Gitea"])
def test_pull_requests_into_the_branch_are_planned(desk: Desk, forge: str) -> None:
    desk.declare(forge, pulls=True)
    desk.declare(forge, pulls=True, forks=True)
    desk.declare(forge, pulls=True, ref={"branch": "release"})
    desk.declare(forge)

    def planned(**given: object) -> list[str]:
        desk.marked.pulls.clear()
        body = hook_kit.pull(forge, URL, 3, "b" * 40, **given)  # type: ignore[arg-type]
        assert desk.send(forge, body, "pull_request") == 202
        return [name for name, _ in desk.marked.pulls]

    assert planned() == ["team-0", "team-1"]
    assert desk.marked.pulls[0][1] == Pull(number=3, commit="b" * 40, target="main", is_fork=False)
    assert planned(target="release") == ["team-2"]
    assert planned(is_fork=True) == ["team-1"]
    assert planned(action="merge" if forge == "GitLab" else "closed") == ["team-0", "team-1"]
    assert desk.marked.pulls[0][1].is_closed
    assert planned(action="labeled") == []
    assert desk.marked.sets == []


async def test_push_is_applied_by_its_webhook(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    reference = serving.secret("hook", {"secret": SECRET})
    serving.declare(git={"webhook": {"forge": "GitHub", "secretRef": reference}})
    async with serve_kit.running(serving), aiohttp.ClientSession() as session:
        hooks = f"http://127.0.0.1:{serving.port}/hooks"
        await serving.at(first)
        second = serving.repository.pushed(plans("b"))
        body = hook_kit.push("GitHub", serving.url, after=second)
        wrong = hook_kit.headers("GitHub", body, secret="wrong")
        async with session.post(hooks, data=body, headers=wrong) as answer:
            assert answer.status == 401
        async with session.get(hooks) as answer:
            assert answer.status == 405
        large = b"x" * (MOST_BYTES + 1)
        async with session.post(hooks, data=io.BytesIO(large)) as answer:
            assert answer.status == 413
        async with session.post(hooks, data=_chunks(large)) as answer:
            assert answer.status == 413
        right = hook_kit.headers("GitHub", body)
        async with session.post(hooks, data=body, headers=right) as answer:
            assert answer.status == 202
        await serving.at(second)
        assert set(await serving.world.active()) == {"a", "b"}
        async with session.get(f"http://127.0.0.1:{serving.port}/metrics") as answer:
            text = await answer.text()
        assert 'controller_runtime_reconcile_total{controller="git",result="success"}' in text
        assert 'reconcile_sync_age_seconds{set="team"}' in text
        for path in ("healthz", "readyz"):
            async with session.get(f"http://127.0.0.1:{serving.port}/{path}") as answer:
                assert answer.status == 200


async def _chunks(content: bytes):  # type: ignore[no-untyped-def]
    for start in range(0, len(content), 1 << 16):
        yield content[start : start + (1 << 16)]
