"""Ownership on a real server: claims, adoption, hand-overs, guards, pauses, foreign hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from e2e_ownership_kit import (
    Checkout,
    another,
    damage_ledger,
    document,
    foreign,
    forget_ledger,
    key,
    only,
    shown,
    state_of,
    sync,
)
from google.protobuf.message import Message
from world import World, ledger_of, open_world, write_ledger

from reconciler.engine.applying import Run
from reconciler.errors import BackendError, ConflictError, RefusedError
from reconciler.model.digest import split_version
from reconciler.model.key import Place
from reconciler.model.ledger import Hold
from reconciler.plan.plan import Block, Effect, Reason
from reconciler.server.status import StatusError


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(tmp_path) as opened:
        await opened.register_workflow()
        await opened.register_workflow(domain="staging")
        yield opened


# --- claim


async def test_second_source_with_the_same_set_name_is_refused_and_writes_nothing(
    world: World,
) -> None:
    world.declare(document("a"))
    await world.reconcile()
    other = another(world, "other")
    other.declare(document("b"))
    writes = world.server.writes

    with pytest.raises(RefusedError) as caught:
        await other.reconcile()

    first = f"directory:{world.root}"
    assert str(caught.value) == (
        f"set team: is claimed by {first}, and this is directory:{other.root}; rename one of the "
        f"two, or take it over with `--take-over {first}`"
    )
    assert caught.value.exit_code == 3
    assert world.server.writes == writes


async def test_take_over_names_the_source_and_moves_the_claim(world: World) -> None:
    world.declare(document("a"))
    await world.reconcile()
    other = another(world, "other")
    other.declare(document("a"), document("b"))
    with pytest.raises(RefusedError):
        await other.reconcile(take_over="directory:/elsewhere")

    await other.reconcile(take_over=f"directory:{world.root}")

    assert set(await world.active()) == {"a", "b"}
    with pytest.raises(RefusedError, match=f"is claimed by directory:{other.root}"):
        await world.reconcile()
    await other.reconcile()


async def test_commit_that_does_not_follow_the_last_one_is_refused(world: World) -> None:
    checkout = Checkout(world.root)
    world.declare(document("a"))
    old = checkout.commit("first")
    await world.reconcile()
    world.declare(document("a", 7))
    new = checkout.commit("second")
    await world.reconcile()
    assert (await ledger_of(world)).claim is not None
    checkout.git("checkout", "--quiet", old)
    writes = world.server.writes

    with pytest.raises(RefusedError) as caught:
        await world.reconcile()

    assert str(caught.value) == (
        f"set team: commit {old[:12]} does not follow {new[:12]}, which was applied last; update "
        f"the checkout, or apply it on purpose with `--reset-to {old[:12]}`"
    )
    assert world.server.writes == writes

    calls = world.calls()["CreateLaunchPlan"]
    applied = await world.reconcile(reset_to=old[:12])
    assert applied.is_complete
    assert world.calls()["CreateLaunchPlan"] == calls
    await world.reconcile()
    checkout.git("checkout", "--quiet", new)
    await world.reconcile()


async def test_branch_beside_the_last_commit_is_refused(world: World) -> None:
    checkout = Checkout(world.root)
    world.declare(document("a"))
    base = checkout.commit("base")
    world.declare(document("a", 7))
    checkout.commit("one")
    await world.reconcile()
    checkout.git("checkout", "--quiet", "-b", "side", base)
    world.declare(document("a", 8))
    side = checkout.commit("two")

    with pytest.raises(RefusedError, match="does not follow"):
        await world.reconcile(reset_to="0123456")
    await world.reconcile(reset_to=side)


async def test_other_checkout_of_the_same_repository_is_the_same_source(
    world: World, tmp_path: Path
) -> None:
    checkout = Checkout(world.root)
    world.declare(document("a"))
    checkout.commit()
    await world.reconcile()
    checkout.git("clone", "--quiet", str(world.root), str(tmp_path / "clone"))
    clone = replace(world, root=tmp_path / "clone")
    checkout.git("-C", str(clone.root), "remote", "remove", "origin")
    writes = world.server.writes

    assert (await clone.plan()).plan.is_empty
    await clone.reconcile()
    assert world.server.writes == writes


async def test_shallow_clone_is_told_to_fetch_the_history(world: World, tmp_path: Path) -> None:
    checkout = Checkout(world.root)
    url = "https://git.example.com/group/specs.git"
    checkout.git("remote", "add", "origin", url)
    world.declare(document("a"))
    checkout.commit("first")
    await world.reconcile()
    world.declare(document("a", 7))
    checkout.commit("second")
    clone = replace(world, root=tmp_path / "clone")
    checkout.git("clone", "--quiet", "--depth=1", f"file://{world.root}", str(tmp_path / "clone"))
    checkout.git("-C", str(clone.root), "remote", "set-url", "origin", url)

    with pytest.raises(RefusedError, match=r"cannot tell .* \(a shallow clone has none\)"):
        await clone.reconcile()


async def test_take_over_by_another_repository_needs_no_second_flag(world: World) -> None:
    first = Checkout(world.root)
    world.declare(document("a"))
    first.commit("a")
    await world.reconcile()
    claim = (await ledger_of(world)).claim
    assert claim is not None
    other = another(world, "other")
    second = Checkout(other.root)
    other.declare(document("a"))
    commit = second.commit("another root")

    await other.reconcile(take_over=claim.source)

    moved = (await ledger_of(world)).claim
    assert moved is not None
    assert (moved.source != claim.source, moved.commit, moved.id != claim.id) == (
        True,
        commit,
        True,
    )


async def test_former_name_of_a_set_is_closed(world: World) -> None:
    world.declare(document("a"))
    await world.reconcile()
    world.declare(document("a"), sync=sync("squad", previousNames="[team]"))
    await world.reconcile()
    assert (await ledger_of(world)).renamed_to == "squad"

    world.declare(document("a", 9))
    with pytest.raises(RefusedError) as caught:
        await world.reconcile()
    assert str(caught.value) == "set team: was renamed to squad; use that name, or another one"


# --- adoption and hand-over


async def test_identical_plans_of_others_are_adopted_with_one_write_of_the_ledger(
    world: World,
) -> None:
    names = ("a", "b", "c")
    for name in names:
        await foreign(world, name)
    world.declare(*(document(name) for name in names))
    before = world.calls()

    applied = await world.reconcile()

    assert {change.effect for change in applied.plan.changes} == {Effect.ADOPT}
    assert world.calls()["CreateTask"] == before["CreateTask"] + 1
    for write in ("CreateLaunchPlan", "UpdateLaunchPlan", "UpdateNamedEntity"):
        assert world.calls()[write] == before[write]
    assert (await world.plan()).plan.is_empty
    assert set((await ledger_of(world)).adopted) == {key(name) for name in names}


async def test_plan_of_others_that_differs_is_left_until_its_document_says_adopt(
    world: World,
) -> None:
    await foreign(world, "a", hour=5)
    world.declare(document("a"))
    for _ in range(3):
        applied = await world.reconcile()
        assert shown(applied.plan) == {"a": (Effect.HAND_OVER, Block.ADOPTION)}
        assert "set `adopt: true` to take it over" in applied.plan.changes[0].block_detail
    assert await world.active() == {"a": "ci-1"}

    world.declare(document("a", adopt=True))
    taken = await world.reconcile()

    assert shown(taken.plan) == {"a": (Effect.HAND_OVER, None)}
    assert split_version((await world.active())["a"]) is not None
    assert (await world.plan()).plan.is_empty


async def test_refused_hand_over_stays_refused_when_our_version_is_registered_meanwhile(
    world: World,
) -> None:
    await foreign(world, "a", hour=5)
    world.declare(document("a"))
    await world.reconcile()
    world.declare(document("a", state="Unmanaged"))
    await world.reconcile()
    assert world.calls()["CreateLaunchPlan"] == 2
    world.declare(document("a"))
    for _ in range(3):
        applied = await world.reconcile()
        assert shown(applied.plan) == {"a": (Effect.HAND_OVER, Block.ADOPTION)}
    assert await world.active() == {"a": "ci-1"}


async def test_ci_that_activates_a_new_version_of_an_adopted_plan_is_reported_not_fought(
    world: World,
) -> None:
    await foreign(world, "a")
    world.declare(document("a"))
    await world.reconcile()
    await foreign(world, "a", "ci-2", hour=7)

    for edit in (document("other"), document("other", 8)):
        applied = await world.reconcile()
        assert only(applied.plan, "a").block is Block.REPORT
        assert only(applied.plan, "a").reason is Reason.FOREIGN
        assert only(applied.plan, "a").block_detail == (
            "version ci-2 was activated by somebody else; "
            "an adopted object is reported, not fought over"
        )
        assert (await world.active())["a"] == "ci-2"
        # An edit of another plan is no leave to correct this one.
        world.declare(document("a"), edit)


async def test_adopted_plan_that_somebody_stops_is_reported_not_started(world: World) -> None:
    await foreign(world, "a")
    world.declare(document("a"))
    await world.reconcile()
    await world.set_state("a", "ci-1", active=False)
    world.declare(document("a"), document("other"))

    applied = await world.reconcile()

    assert only(applied.plan, "a").block is Block.REPORT
    assert set(await world.active()) == {"other"}


async def test_adopted_plan_that_is_edited_becomes_ours(world: World) -> None:
    await foreign(world, "a")
    world.declare(document("a"))
    await world.reconcile()
    world.declare(document("a", 9))

    applied = await world.reconcile()

    assert shown(applied.plan) == {"a": (Effect.UPDATE, None)}
    assert (await ledger_of(world)).adopted == {}


# --- foreign hands


async def test_foreign_activation_is_healed(world: World) -> None:
    world.declare(document("a"))
    await world.reconcile()
    ours = (await world.active())["a"]
    await foreign(world, "a", "by-hand", hour=9)

    applied = await world.reconcile()

    change = only(applied.plan, "a")
    assert (change.effect, change.reason) == (Effect.HAND_OVER, Reason.FOREIGN)
    assert await world.active() == {"a": ours}


async def test_foreign_activation_is_healed_in_the_pass_of_an_edit_elsewhere(world: World) -> None:
    world.declare(document("a"), document("b"))
    await world.reconcile()
    ours = (await world.active())["a"]
    await foreign(world, "a", "by-hand", hour=9)
    world.declare(document("a"), document("b", 9))

    await world.reconcile()

    assert (await world.active())["a"] == ours


async def test_foreign_deactivation_is_healed(world: World) -> None:
    world.declare(document("a"))
    await world.reconcile()
    ours = (await world.active())["a"]
    await world.set_state("a", ours, active=False)
    applied = await world.reconcile()
    assert only(applied.plan, "a").reason is Reason.FOREIGN
    assert await world.active() == {"a": ours}


async def test_plan_that_comes_back_three_times_is_contested_and_left(world: World) -> None:
    world.declare(document("a"))
    await world.reconcile()
    ours = (await world.active())["a"]
    for _ in range(3):
        await world.set_state("a", ours, active=False)
        await world.reconcile()
        assert await world.active() == {"a": ours}
    await world.set_state("a", ours, active=False)

    applied = await world.reconcile()
    assert only(applied.plan, "a").block is Block.CONTESTED
    assert await world.active() == {}
    # Edits elsewhere do not wear the verdict out.
    world.declare(document("a"), document("b"))
    await world.reconcile()
    assert set(await world.active()) == {"b"}
    # An edit of the plan itself does.
    world.declare(document("a", 8), document("b"))
    await world.reconcile()
    assert set(await world.active()) == {"a", "b"}


async def test_drift_is_only_reported_where_the_set_says_so(world: World) -> None:
    report = sync(drift="Report")
    world.declare(document("a"), sync=report)
    await world.reconcile()
    ours = (await world.active())["a"]
    await world.set_state("a", ours, active=False)
    world.declare(document("a"), document("b"), sync=report)
    for _ in range(2):
        applied = await world.reconcile()
        assert only(applied.plan, "a").block is Block.REPORT
    assert set(await world.active()) == {"b"}


# --- pauses


async def test_pause_stops_a_plan_and_every_later_run_honours_it(world: World) -> None:
    world.declare(document("a"), document("b"), sync=sync(drift="Report"))
    await world.reconcile()
    ours = (await world.active())["a"]
    hold = Hold("FlyteLaunchPlan/*/*/a", "incident", world.now + timedelta(hours=1), "me")
    await write_ledger(world, replace(await ledger_of(world), holds=(hold,)))

    stopped = await world.reconcile()
    assert only(stopped.plan, "a").reason is Reason.HOLD
    assert f"paused until {hold.until.isoformat()}: incident" in only(stopped.plan, "a").notes
    assert set(await world.active()) == {"b"}
    writes = world.server.writes
    assert (await world.reconcile()).plan.is_empty
    assert world.server.writes == writes

    # Something else fails to start in the run in which the pause ends: nothing is forgotten.
    world.now += timedelta(hours=1)

    async def refuse(method: str, request: Message) -> None:
        if method == "UpdateLaunchPlan":
            raise StatusError(grpc.StatusCode.INTERNAL, "no")

    world.server.on_call = refuse
    failed = await world.reconcile()
    assert failed.report.failures
    world.server.on_call = None

    again = await world.reconcile()
    assert not again.plan.blocked
    assert (await world.active())["a"] == ours
    assert (await ledger_of(world)).holds == ()


async def test_run_over_a_part_of_the_set_does_not_forget_a_pause(world: World) -> None:
    world.declare(document("a"), document("b"), sync=sync(drift="Report"))
    await world.reconcile()
    hold = Hold("FlyteLaunchPlan/*/*/a", "incident", world.now + timedelta(hours=1))
    await write_ledger(world, replace(await ledger_of(world), holds=(hold,)))
    await world.reconcile()
    world.now += timedelta(hours=2)
    world.declare(document("a"), document("b", 9), sync=sync(drift="Report"))

    await world.reconcile("00001.json")
    assert set(await world.active()) == {"b"}
    await world.reconcile()
    assert set(await world.active()) == {"a", "b"}


async def test_saved_plan_does_not_start_what_was_paused_since(world: World) -> None:
    world.declare(document("a"), document("b"))
    await world.reconcile()
    world.declare(document("a"), document("b", 9), document("c"))
    saved = (await world.plan()).plan
    hold = Hold("FlyteLaunchPlan/*/*/[bc]", "incident", world.now + timedelta(days=1))
    await write_ledger(world, replace(await ledger_of(world), holds=(hold,)))

    async with world.session() as session:
        applied = await session.apply_saved(saved, Run(now=world.now, by="tester"))

    assert {change.key.name for change in applied.stale} == {"b", "c"}
    assert "c" not in await world.active()


# --- removals


async def test_last_document_of_a_project_domain_is_refused_and_stops_with_approval(
    world: World,
) -> None:
    world.declare(document("a"), document("s", domain="staging"), document("t", domain="staging"))
    await world.reconcile()
    world.declare(document("a"), document("new"))

    refused = await world.reconcile()
    assert shown(refused.plan) == {
        "new": (Effect.CREATE, None),
        "s": (Effect.REMOVE, Block.GUARD),
        "t": (Effect.REMOVE, Block.GUARD),
    }
    assert set(await world.active(domain="staging")) == {"s", "t"}
    assert set(await world.active()) == {"a", "new"}

    again = (await world.plan()).plan
    await world.reconcile(approved="another")
    assert set(await world.active(domain="staging")) == {"s", "t"}
    await world.reconcile(approved=again.id)
    assert await world.active(domain="staging") == {}
    assert (await world.plan()).plan.is_empty


async def test_empty_checkout_stops_nothing(world: World) -> None:
    world.declare(document("a"), document("b"), document("c"))
    await world.reconcile()
    world.declare()
    applied = await world.reconcile()
    assert {change.block for change in applied.plan.changes} == {Block.GUARD}
    assert set(await world.active()) == {"a", "b", "c"}


async def test_removals_of_a_day_are_counted_across_runs(world: World) -> None:
    limit = sync(limits="{maxRemovals: 2}")
    names = [f"p{index}" for index in range(8)]
    world.declare(*map(document, names), sync=limit)
    await world.reconcile()
    for gone in (1, 2):
        world.declare(*map(document, names[gone:]), sync=limit)
        await world.reconcile()
        assert len(await world.active()) == 8 - gone
    world.declare(*map(document, names[3:]), sync=limit)
    refused = await world.reconcile()
    assert [change.block for change in refused.plan.changes] == [Block.GUARD]
    assert "makes 3 removals" in refused.plan.changes[0].block_detail

    world.now += timedelta(days=1)
    await world.reconcile()
    assert len(await world.active()) == 5


async def test_renaming_the_only_plan_moves_it(world: World) -> None:
    world.declare(document("old"))
    await world.reconcile()
    world.declare(document("new"))
    applied = await world.reconcile()
    assert only(applied.plan, "old").renamed_to == "new"
    assert set(await world.active()) == {"new"}


async def test_part_of_a_set_never_removes(world: World) -> None:
    world.declare(document("a"), document("b"))
    await world.reconcile()
    world.declare(document("a", 9))

    applied = await world.reconcile("00000.json")

    assert shown(applied.plan) == {"a": (Effect.UPDATE, None)}
    assert set(await world.active()) == {"a", "b"}
    assert "only a run over the set's whole root removes anything" in applied.plan.warnings[0]
    whole = await world.plan()
    assert shown(whole.plan) == {"b": (Effect.REMOVE, None)}


async def test_documents_without_a_set_are_applied_and_never_removed(world: World) -> None:
    world.declare(document("a"), document("b"))
    (world.root / "reconcile.yaml").unlink()
    for item in ("00000.json", "00001.json"):
        text = (world.root / item).read_text()
        spec = '"spec": {"project": "flytesnacks", "domain": "development", '
        (world.root / item).write_text(text.replace('"spec": {', spec))
    await world.reconcile()
    versions = await world.active()
    assert {split_version(version)[0] for version in versions.values()} == {"unclaimed"}  # type: ignore[index]
    assert world.calls()["CreateTask"] == 2
    (world.root / "00001.json").unlink()

    writes = world.server.writes
    assert (await world.reconcile()).plan.is_empty
    assert world.server.writes == writes
    assert await world.active() == versions


async def test_documents_without_a_set_leave_identical_plans_alone(world: World) -> None:
    await foreign(world, "a")
    world.declare(document("a", project="flytesnacks", domain="development", protect=True))
    (world.root / "reconcile.yaml").unlink()
    assert (await world.plan()).plan.is_empty


async def test_protection_outlives_its_document(world: World) -> None:
    world.declare(document("a", protect=True), document("b"), document("c"))
    await world.reconcile()
    world.declare(document("b"), document("c"))
    approve = (await world.plan()).plan.id
    refused = await world.reconcile(approved=approve)
    assert shown(refused.plan) == {"a": (Effect.REMOVE, Block.PROTECTED)}
    assert "a" in await world.active()

    world.declare(document("a", protect=False), document("b"), document("c"))
    await world.reconcile()
    world.declare(document("b"), document("c"))
    await world.reconcile()
    assert set(await world.active()) == {"b", "c"}


async def test_archived_name_is_shown_again_when_it_is_declared_again(world: World) -> None:
    archive = sync(prune="Archive")
    world.declare(document("a"), document("b"), sync=archive)
    await world.reconcile()
    world.declare(document("b"), sync=archive)
    await world.reconcile()
    assert set(await world.active()) == {"b"}
    assert (await ledger_of(world)).archived == {key("a")}
    world.declare(document("a"), document("b"), sync=archive)
    applied = await world.reconcile()
    assert [action.verb.value for action in only(applied.plan, "a").actions] == [
        "activate",
        "describe",
    ]
    assert set(await world.active()) == {"a", "b"}
    assert (await world.plan()).plan.is_empty


async def test_adoption_that_is_over_is_no_right_to_stop_the_version_later(world: World) -> None:
    await foreign(world, "a")
    world.declare(document("a"), document("b"), document("c"))
    await world.reconcile()
    await foreign(world, "a", "ci-2", hour=7)
    world.declare(document("b"), document("c"))
    await world.reconcile()
    await world.set_state("a", "ci-1", active=True)

    applied = await world.reconcile()

    assert applied.plan.is_empty
    assert (await world.active())["a"] == "ci-1"


# --- other ways to say which version


async def test_existing_mode_moves_between_versions_that_ci_registered(world: World) -> None:
    for version, hour in (("ci-1", 5), ("ci-2", 6)):
        await world.register_plan(
            "a", version, workflow_version="v1", cron=f"0 {hour} * * *", defaults={"count": 3}
        )

    def chosen(version: str) -> dict[str, object]:
        made = document("a")
        made["spec"] = {"existing": {"version": version}}
        return made

    registered = world.calls()["CreateLaunchPlan"]
    for version in ("ci-1", "ci-2", "ci-1"):
        world.declare(chosen(version))
        applied = await world.reconcile()
        assert applied.is_complete
        assert await world.active() == {"a": version}
        assert (await world.plan()).plan.is_empty
    assert world.calls()["CreateLaunchPlan"] == registered

    world.declare(chosen("ci-3"))
    missing = await world.reconcile()
    assert only(missing.plan, "a").block is Block.CONFLICT
    assert await world.active() == {"a": "ci-1"}


async def test_promotion_by_same_as_registers_no_workflow_in_the_other_domain(
    world: World,
) -> None:
    await world.register_workflow(version="v2", domain="staging")
    staged = document("a", domain="staging", workflow={"name": "etl", "version": "v2"})
    promoted = {**document("a", workflow={"name": "etl", "sameAs": {"domain": "staging"}})}
    promoted["metadata"] = {"name": "a-dev"}
    promoted["spec"]["name"] = "a"
    world.declare(staged)
    await world.reconcile()
    world.declare(staged, promoted)
    before = world.calls()

    await world.reconcile()

    for call in ("CreateWorkflow", "CreateLaunchPlan"):
        assert world.calls()[call] - before[call] == (call == "CreateLaunchPlan")
    assert (await world.plan()).plan.is_empty
    assert set(await world.active()) == {"a"}


async def test_versions_map_moves_all_plans_of_a_workflow_by_one_line(world: World) -> None:
    await world.register_workflow(version="v2")
    documents = [document("a", 1), document("b", 2)]
    world.declare(*documents)
    await world.reconcile()
    world.declare(*documents, sync=sync(versions="{'etl*': v2}"))
    applied = await world.reconcile()
    assert [
        (item.path, item.before, item.after)
        for change in applied.plan.changes
        for item in change.fields
    ] == [("workflow.version", "v1", "v2")] * 2

    registered = world.calls()["CreateLaunchPlan"]
    world.declare(*documents)
    await world.reconcile()
    assert world.calls()["CreateLaunchPlan"] == registered


# --- two at once, and a ledger that is not there


async def test_two_applies_at_once_one_wins_and_the_next_run_converges(world: World) -> None:
    documents = [document(f"p{index}", index) for index in range(6)]
    world.declare(*documents)

    first, second = await asyncio.gather(
        world.reconcile(), world.reconcile(), return_exceptions=True
    )

    outcomes = sorted([first, second], key=lambda item: isinstance(item, BaseException))
    assert not isinstance(outcomes[0], BaseException)
    assert isinstance(outcomes[1], ConflictError)
    assert "somebody else wrote revision 1 in between; run again" in str(outcomes[1])
    await world.reconcile()
    assert (await world.plan()).plan.is_empty
    assert len(await world.active()) == 6


async def test_apply_that_another_one_overtook_reports_its_ledger(world: World) -> None:
    world.declare(document("a"))
    await world.reconcile()
    world.declare(document("a"), document("b"))
    meddled = asyncio.Event()

    async def meddle(method: str, request: Message) -> None:
        if method == "UpdateLaunchPlan" and not meddled.is_set():
            meddled.set()
            await write_ledger(world, await ledger_of(world))

    world.server.on_call = meddle
    applied = await world.reconcile()
    world.server.on_call = None

    assert isinstance(applied.ledger_error, ConflictError)
    assert not applied.is_complete
    again = await world.plan()
    assert again.plan.doable == ()
    assert (await world.reconcile()).is_complete
    assert (await world.plan()).plan.bookkeeping == ()


async def test_lost_ledger_prunes_nothing_where_nothing_is_declared(world: World) -> None:
    world.declare(document("a"), document("s", domain="staging"))
    await world.reconcile()
    forget_ledger(world)
    world.declare(document("a"))

    applied = await world.reconcile()

    assert applied.plan.is_empty
    assert set(await world.active(domain="staging")) == {"s"}
    # What is declared now is remembered again.
    assert (await ledger_of(world)).places == {Place("flytesnacks", "development")}


async def test_lost_ledger_makes_a_foreign_activation_a_question(world: World) -> None:
    world.declare(document("a"))
    await world.reconcile()
    forget_ledger(world)
    await foreign(world, "a", "by-hand", hour=9)
    for _ in range(3):
        applied = await world.reconcile()
        assert only(applied.plan, "a").block is Block.ADOPTION
    assert await world.active() == {"a": "by-hand"}


@pytest.mark.parametrize("status", [grpc.StatusCode.INTERNAL, grpc.StatusCode.PERMISSION_DENIED])
async def test_unreadable_ledger_writes_nothing(world: World, status: grpc.StatusCode) -> None:
    world.declare(document("a"))
    await world.reconcile()
    world.declare(document("b"))
    writes = world.server.writes

    async def refuse(method: str, request: Message) -> None:
        if method == "ListTasks":
            raise StatusError(status, "no")

    world.server.on_call = refuse
    with pytest.raises(BackendError):
        await world.reconcile()
    world.server.on_call = None
    assert world.server.writes == writes
    assert set(await world.active()) == {"a"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"format": 2, "set": "team"}, "a newer reconcile wrote it"),
        ({}, "ledger format None is not 1"),
        ({"format": 1}, "ledger content is damaged"),
        ({"format": 1, "set": "team", "places": 7}, "ledger content is damaged"),
        ({"format": 1, "set": "team", "adopted": {"nonsense": "v1"}}, "is not a key"),
    ],
)
async def test_ledger_that_cannot_be_understood_writes_nothing(
    world: World, content: dict[str, object], message: str
) -> None:
    world.declare(document("a"))
    await world.reconcile()
    await damage_ledger(world, content)
    world.declare(document("b"))
    writes = world.server.writes
    with pytest.raises(BackendError, match=message):
        await world.reconcile()
    assert world.server.writes == writes


async def test_state_of_the_replaced_version_is_inactive(world: World) -> None:
    await foreign(world, "a", hour=5)
    world.declare(document("a", adopt=True))
    await world.reconcile()
    assert await state_of(world, "a", "ci-1") == "INACTIVE"
