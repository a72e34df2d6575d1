"""Commits become what runs on Flyte, and what may not is told and left."""

from __future__ import annotations

import json
from pathlib import Path

import git_kit
import pytest
import serve_kit
from git_kit import git
from serve_kit import Serving, plan, plans
from world import SYNC, ledger_of

from reconciler.engine.contents import read_contents
from reconciler.engine.reach import Reach
from reconciler.engine.remote import Tree, declare_for
from reconciler.git import access, mirror, remote, source
from reconciler.git.source import Wanted
from reconciler.sources.yaml import parse
from reconciler.specs.validate import validate


async def test_push_is_applied_and_what_is_gone_stops(serving: Serving) -> None:
    first = serving.repository.pushed({**plans("a", "b"), "README": "x"})
    serving.declare()
    async with serve_kit.running(serving):
        state = await serving.at(first)
        assert set(await serving.world.active()) == {"a", "b"}
        assert state.attempted == f"main@sha1:{first}"
        assert state.fields["lastAppliedRevision"] == f"main@sha1:{first}"
        assert state.fields["pending"] == 0
        assert [(one.reason, one.changes > 0) for one in state.history] == [
            ("ReconciliationSucceeded", True)
        ]
        second = serving.repository.pushed({"deploy/b.json": None})
        serving.pushed()
        await serving.at(second)
        assert set(await serving.world.active()) == {"a"}
    ledger = await ledger_of(serving.world)
    name = remote.read(serving.url, schemes=serve_kit.SCHEMES).name
    assert ledger.claim is not None
    assert (ledger.claim.source, ledger.claim.commit) == (f"{name}#deploy", second)
    assert (ledger.entry.source, ledger.entry.commit) == (f"{name}#deploy", second)
    assert ledger.entry.by == "reconcile serve"


async def test_calls_to_flyte_are_measured(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(first)
        samples = {
            sample.labels["method"].rpartition(".")[2]: sample.value
            for metric in serving.service.metrics.backend_seconds.collect()
            for sample in metric.samples
            if sample.name.endswith("_count")
        }
    calls = serving.world.calls()
    assert samples["CreateLaunchPlan"] == calls["CreateLaunchPlan"] == 1
    assert samples["ListActiveLaunchPlans"] == calls["ListActiveLaunchPlans"]


async def test_commit_that_leaves_the_folder_as_it_is_costs_flyte_nothing(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(first)
        before = serving.world.calls()
        second = serving.repository.pushed({"elsewhere/x": "1"})
        serving.pushed()
        state = await serving.at(second)
        assert serving.world.calls() == before
        assert state.applied is not None
        assert state.applied.commit == second


async def test_broken_commit_changes_nothing_and_the_next_one_is_applied(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(first)
        versions = await serving.world.active()
        bad = serving.repository.pushed({"deploy/a.json": "{", "deploy/b.json": plan("b")})
        serving.pushed()
        state = await serving.reason("InvalidSpec", at=bad)
        assert f"commit {bad[:12]}: 1 problem: deploy/a.json:2:1" in state.message
        assert await serving.world.active() == versions
        assert state.fields["lastAppliedRevision"] == f"main@sha1:{first}"
        good = serving.repository.pushed({"deploy/a.json": plan("a")})
        serving.pushed()
        state = await serving.at(good)
        assert set(await serving.world.active()) == {"a", "b"}
        assert [one.reason for one in state.history] == [
            "ReconciliationSucceeded",
            "InvalidSpec",
            "ReconciliationSucceeded",
        ]


async def test_rewritten_branch_is_refused_until_somebody_says_so(serving: Serving) -> None:
    repository = serving.repository
    base = repository.pushed(plans("a"))
    last = repository.pushed(plans("b"))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(last)
        git(repository.work, "reset", "-q", "--hard", base)
        other = repository.commit(plans("c"))
        repository.push("--force", "HEAD:refs/heads/main")
        serving.pushed()
        state = await serving.reason("ClaimRefused", at=other)
        assert f"commit {other[:12]} does not follow {last[:12]}" in state.message
        assert f"spec.git.resetTo: {other}" in state.message
        assert "--reset-to" not in state.message
        assert set(await serving.world.active()) == {"a", "b"}

        on_top = repository.pushed(plans("d"))
        serving.pushed()
        await serving.reason("ClaimRefused", at=on_top)
        assert set(await serving.world.active()) == {"a", "b"}

        serving.declare(git={"resetTo": other})
        await serving.at(other)
        assert set(await serving.world.active()) == {"a", "c"}
        serving.declare()
        await serving.at(on_top)
        assert set(await serving.world.active()) == {"a", "c", "d"}


async def test_older_commit_is_refused_and_a_rollback_is_named(serving: Serving) -> None:
    repository = serving.repository
    first = repository.pushed(plans("a"))
    repository.pushed(plans("b"))
    last = repository.pushed(plans("c"))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(last)
        repository.push("--force", f"{first}:refs/heads/main")
        serving.pushed()
        await serving.reason("ClaimRefused", at=first)
        assert set(await serving.world.active()) == {"a", "b", "c"}
        repository.push("--force", f"{last}:refs/heads/main")
        serving.declare(git={"resetTo": first})
        await serving.at(first)
        assert set(await serving.world.active()) == {"a"}
        newer = repository.pushed(plans("d"))
        serving.pushed()
        await serving.until(lambda: serving.service.queue.depth == 0)
        assert set(await serving.world.active()) == {"a"}
        serving.declare()
        await serving.at(newer)
        assert set(await serving.world.active()) == {"a", "b", "c", "d"}


async def test_deleted_branch_and_lost_server_leave_what_was_applied(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(first)
        git(serving.repository.bare, "update-ref", "-d", "refs/heads/main")
        serving.pushed()
        state = await serving.reason("SourceInvalid")
        assert "has no default branch" in state.message
        assert set(await serving.world.active()) == {"a"}
        serving.web.fault = 503
        serving.pushed()
        state = await serving.reason("GitOperationFailed")
        assert "503" in state.message
        serving.web.fault = 0
        serving.repository.push()
        serving.pushed()
        await serving.at(first)


async def test_drift_is_put_back_although_the_repository_is_gone(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare(interval="2s")
    async with serve_kit.running(serving):
        await serving.at(first)
        serving.web.fault = 503
        version = (await serving.world.active())["a"]
        await serving.world.set_state("a", version, active=False)
        await serving.reason("GitOperationFailed")
        for _ in range(300):
            if await serving.world.active():
                break
            await git_kit.asyncio.sleep(0.05)
        assert await serving.world.active() == {"a": version}


async def test_unsigned_commit_is_never_applied(serving: Serving, tmp_path: Path) -> None:
    repository = serving.repository
    public = git_kit.key_pair(tmp_path / "key")
    signers = serving.secret("signers", {"allowed_signers": f"dev@example.com {public}"})
    signing = git_kit.ssh_signing(tmp_path / "key")
    repository.commit(plans("a"))
    git(repository.work, *signing, "commit", "-q", "--amend", "--no-edit")
    repository.push()
    good = git(repository.work, "rev-parse", "HEAD")
    serving.declare(git={"verify": {"secretRef": signers}})
    async with serve_kit.running(serving):
        await serving.at(good)
        repository.pushed(plans("b"))
        serving.pushed()
        state = await serving.reason("VerificationFailed")
        assert "signed by no known key" in state.message
        assert set(await serving.world.active()) == {"a"}
        git(repository.work, *signing, "commit", "-q", "--allow-empty", "-m", "signed on top")
        repository.push()
        serving.pushed()
        await serving.at(git(repository.work, "rev-parse", "HEAD"))
        assert set(await serving.world.active()) == {"a", "b"}


async def test_one_bad_set_does_not_hold_back_the_others(serving: Serving) -> None:
    commit = serving.repository.pushed(
        {**plans("a"), **plans("b", folder="other"), "third/x.json": "{"}
    )
    serving.declare("team")
    serving.declare("team-b", git={"path": "other"})
    serving.declare("team-c", git={"path": "third"})
    serving.declare("team-d", git={"path": "nowhere"})
    (serving.config / "bad.json").write_text(
        json.dumps(
            {
                "apiVersion": "flyte.reconciler.dev/v1alpha1",
                "kind": "FlyteSync",
                "metadata": {"name": "team-e"},
                "spec": {"git": {}},
            }
        )
    )
    (serving.config / "text.yaml").write_text("a: [")
    async with serve_kit.running(serving):
        await serving.at(commit, "team")
        await serving.at(commit, "team-b")
        await serving.reason("InvalidSpec", "team-c")
        await serving.reason("SourceInvalid", "team-d")
        state = await serving.reason("InvalidSpec", "team-e")
        assert "spec.git.url: is missing" in state.message
        assert set(await serving.world.active()) == {"a", "b"}


async def test_specs_of_a_repository_reach_nothing_else(serving: Serving, tmp_path: Path) -> None:
    outside = tmp_path / "outside.tgz"
    outside.write_bytes(b"not for you")

    def document(kind: str, **spec: object) -> str:
        return json.dumps(
            {
                "apiVersion": "flyte.reconciler.dev/v1alpha1",
                "kind": kind,
                "metadata": {"name": "x"},
                "spec": spec,
            }
        )

    serving.declare()
    async with serve_kit.running(serving):
        for text, why in (
            (document("FlytePackage", archive=str(outside)), "leads out of the tree"),
            (document("FlytePackage", archive="../../../outside.tgz"), "leads out of the tree"),
            (document("FlytePackage", archive=f"file://{outside}"), "path on the machine"),
            (
                document("FlytePackage", archive="https://127.0.0.1/x", sha256="0" * 64),
                "not among the addresses",
            ),
        ):
            commit = serving.repository.pushed({"deploy/x.json": text})
            serving.pushed()
            state = await serving.reason("InvalidSpec", at=commit)
            assert why in state.message, text
    assert await serving.world.active() == {}


def test_secrets_of_a_repository_are_read_from_nothing_of_the_machine(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    sources = ("{env: HOME}", "{file: /etc/hostname}", "{sops: {file: a.yaml}}")
    for index, source_ in enumerate(sources):
        (tmp_path / "deploy" / f"{index}.yaml").write_text(
            "apiVersion: flyte.reconciler.dev/v1alpha1\nkind: FlyteSecret\n"
            f"metadata: {{name: s{index}}}\nspec: {{group: g, key: k, valueFrom: {source_}}}\n"
        )
    text = SYNC + "  secrets: {allow: {env: [HOME], file: [/etc/hostname]}}\n"
    documents, _ = parse(text.encode(), file="config.yaml")
    (sync,) = validate(documents).declared
    tree = Tree(
        top=tmp_path, path="deploy", source="x", commit="", hash="", repository=tmp_path / "none"
    )
    found = read_contents(declare_for(sync, tree, Reach(is_local=False)))
    assert len(found) == 3
    assert all("neither its environment nor files" in str(why) for why in found.values())


async def test_repository_is_given_nothing_by_its_own_sync(serving: Serving) -> None:
    inner = SYNC.replace("domain: development}", "domain: production}\n  prune: Keep")
    inner += "  paths: [sub]\n  suspend: true\n  scopes: [{project: flytesnacks}]\n"
    commit = serving.repository.pushed(
        {"deploy/reconcile.yaml": inner, **plans("a", folder="deploy/sub"), **plans("b")}
    )
    serving.declare(scopes=[{"project": "flytesnacks", "domains": ["development"]}])
    async with serve_kit.running(serving):
        await serving.at(commit)
        assert set(await serving.world.active()) == {"a"}
        commit = serving.repository.pushed(plans("a", folder="deploy/sub", domain="production"))
        serving.pushed()
        state = await serving.reason("InvalidSpec", at=commit)
        assert "outside the scope" in state.message
        commit = serving.repository.pushed({"deploy/reconcile.yaml": SYNC.replace("team", "foe")})
        serving.pushed()
        state = await serving.reason("InvalidSpec", at=commit)
        assert "is the FlyteSync foe" in state.message
    assert await serving.world.active(domain="production") == {}


async def test_files_may_touch_their_own_domain_only(serving: Serving) -> None:
    serving.declare(
        defaults={"project": "flytesnacks", "domain": "development"},
        scopes=[
            {"project": "flytesnacks", "domains": ["development"], "files": ["dev/**"]},
            {"project": "flytesnacks", "domains": ["production"], "files": ["prod/*.json"]},
        ],
    )
    first = serving.repository.pushed(
        {
            **plans("a", folder="deploy/dev/deep"),
            **plans("b", folder="deploy/prod", domain="production"),
        }
    )
    async with serve_kit.running(serving):
        await serving.at(first)
        assert set(await serving.world.active()) == {"a"}
        assert set(await serving.world.active(domain="production")) == {"b"}
        for files in (
            plans("c", folder="deploy/dev", domain="production"),
            plans("c", folder="deploy/prod"),
            plans("c", folder="deploy/prod/deep", domain="production"),
            plans("c"),
        ):
            commit = serving.repository.pushed(files)
            serving.pushed()
            state = await serving.reason("InvalidSpec", at=commit)
            assert "is not for this file" in state.message
            serving.repository.commit(dict.fromkeys(files))


async def test_sets_wait_for_those_they_depend_on(serving: Serving) -> None:
    serving.declare("team", git={"path": "deploy"})
    serving.declare("team-b", git={"path": "other"}, dependsOn=["team"])
    serving.declare("team-c", git={"path": "other"}, dependsOn=["nobody"])
    first = serving.repository.pushed({"deploy/a.json": "{", **plans("b", folder="other")})
    async with serve_kit.running(serving):
        await serving.reason("InvalidSpec", "team")
        state = await serving.reason("DependencyNotReady", "team-b")
        assert "it waits for team" in state.message
        assert "nobody, which is not there" in serving.state("team-c").message
        assert await serving.world.active() == {}
        assert first
        second = serving.repository.pushed(plans("a"))
        serving.pushed("team-b")
        serving.pushed("team")
        await serving.at(second, "team-b")
        assert set(await serving.world.active()) == {"a", "b"}
        serving.declare("team", dependsOn=["team-b"])
        state = await serving.reason("DependencyNotReady", "team")
        assert "remove one of the two" in state.message


async def test_suspended_set_is_left_alone_and_config_is_read_again(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare(suspend=True)
    async with serve_kit.running(serving):
        await serving.until(lambda: serving.state().is_suspended)
        assert await serving.world.active() == {}
        serving.declare()
        await serving.at(first)
        serving.undeclare("team")
        await serving.until(lambda: not serving.service.states.has("team"))
        assert set(await serving.world.active()) == {"a"}


async def test_removals_wait_for_an_approval_in_the_config(serving: Serving) -> None:
    names = [f"plan-{number}" for number in range(8)]
    first = serving.repository.pushed(plans(*names))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(first)
        gone = {f"deploy/{name}.json": None for name in names[:5]}
        second = serving.repository.pushed(gone)
        serving.pushed()
        state = await serving.reason("ApprovalRequired", at=second)
        plan_id = state.fields["planId"]
        assert f"flyte.reconciler.dev/approve={plan_id}" in state.message
        assert len(await serving.world.active()) == 8
        serving.declare(annotations={"flyte.reconciler.dev/approve": plan_id})
        await serving.at(second)
        assert set(await serving.world.active()) == set(names[5:])


async def test_laptop_and_service_are_one_source(serving: Serving, tmp_path: Path) -> None:
    first = serving.repository.pushed({"deploy/reconcile.yaml": SYNC, **plans("a")})
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(first)
    git(tmp_path, "clone", "-q", serving.url, "laptop")
    checkout = tmp_path / "laptop"
    (checkout / "deploy" / "b.json").write_text(plan("b"))
    git(checkout, "add", "-A")
    git(checkout, "commit", "-qm", "b")
    serving.world.root = checkout / "deploy"
    applied = await serving.world.reconcile()
    assert applied.is_complete
    assert set(await serving.world.active()) == {"a", "b"}
    # What the laptop applied was not pushed yet: the older commit must not undo it.
    async with serve_kit.running(serving):
        state = await serving.reason("ClaimRefused", at=first)
        assert "does not follow" in state.message or "cannot tell" in state.message
        git(checkout, "push", "-q", str(serving.repository.bare), "HEAD:refs/heads/main")
        serving.pushed()
        await serving.at(git(checkout, "rev-parse", "HEAD"))
    assert set(await serving.world.active()) == {"a", "b"}


async def test_restart_goes_on_where_it_was(serving: Serving) -> None:
    first = serving.repository.pushed(plans("a"))
    serving.declare()
    async with serve_kit.running(serving):
        await serving.at(first)
    calls = serving.world.calls()
    async with serve_kit.running(serving):
        state = await serving.at(first)
        assert len(state.history) == 2
    new = serving.world.calls() - calls
    assert not {name for name in new if "Create" in name or "Update" in name}


async def test_plain_reconcile_refuses_a_sync_whose_files_are_elsewhere(
    serving: Serving, tmp_path: Path
) -> None:
    serving.world.root = tmp_path / "lone"
    serving.world.root.mkdir()
    text = SYNC + f"  git: {{url: '{serving.url}', path: deploy}}\n"
    (serving.world.root / "reconcile.yaml").write_text(text)
    with pytest.raises(Exception, match="this is not a checkout of that"):
        await serving.world.plan()
    serving.repository.pushed({"deploy/reconcile.yaml": text, **plans("a")})
    git(tmp_path, "clone", "-q", serving.url, "laptop")
    serving.world.root = tmp_path / "laptop" / "deploy"
    assert len((await serving.world.plan()).plan.changes) == 1


def test_mirror_outlives_what_the_branch_forgot(tmp_path: Path) -> None:
    repository = git_kit.repository(tmp_path)
    first = repository.pushed({"a": "1"})
    with git_kit.web(repository.top) as web:
        address = remote.read(f"{web.url}/specs.git", schemes=serve_kit.SCHEMES)
        one = mirror.mirror_of(address, cache=tmp_path / "c", access=access.NOBODY)
        with one.alone():
            source.find(one, Wanted(branch="main"))
            one.keep("team", first)
        git(repository.work, "checkout", "-q", "--orphan", "new")
        repository.commit({"b": "1"})
        repository.push("--force", "HEAD:refs/heads/main")
        git(repository.bare, "gc", "-q", "--prune=now")
        with one.alone():
            found = source.find(one, Wanted(branch="main", commit=first))
    assert found.commit == first
