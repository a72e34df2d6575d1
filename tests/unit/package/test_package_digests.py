"""Versions follow from content alone, and an edit moves only what depends on it."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import Any

import pytest
from package_files import (
    ARCHIVES,
    HERE,
    QUICKSTART,
    REALWORLD,
    ROOT,
    VARIETY,
    digests,
    edited,
    moved,
    opened,
    tar,
)

from reconciler.model.key import Place
from reconciler.sources.archive import Archive, entries, read

GOLDEN = ROOT / "tests/golden/digests.json"
WITH_CODE = ARCHIVES / "quickstart-all.tgz"
FIXED = {"quickstart-all": WITH_CODE, "variety": VARIETY}
ALL = {"quickstart": QUICKSTART, "realworld": REALWORLD, "variety": VARIETY}


def with_code(archive: Archive, code: bytes) -> Archive:
    (member,) = [name for name in archive.members if name.endswith(".tar.gz")]
    return Archive({**archive.members, member: code})


def code_of(archive: Archive) -> bytes:
    return next(one for name, one in archive.members.items() if name.endswith(".tar.gz"))


@pytest.mark.parametrize(
    ("here", "elsewhere"),
    [
        (QUICKSTART, ARCHIVES / "quickstart-none-elsewhere.tgz"),
        (WITH_CODE, ARCHIVES / "quickstart-all-elsewhere.tgz"),
    ],
    ids=["--copy none", "--copy all"],
)
def test_two_checkouts_give_the_same_digests(here: Any, elsewhere: Any) -> None:
    assert here.read_bytes() != elsewhere.read_bytes()
    assert digests(opened(here)) == digests(opened(elsewhere))


def test_golden_digests_of_committed_packages_never_change() -> None:
    known = json.loads(GOLDEN.read_text(encoding="utf-8"))
    found = {
        f"package/{name}/{kind}/{entity}": digest
        for name, path in FIXED.items()
        for (kind, entity), digest in digests(opened(path)).items()
    }
    ours = {name: one for name, one in known.items() if name.startswith("package/")}
    assert found == ours, "a new format needs a new letter; see docs/adr on content versions"


def test_how_code_was_compressed_and_when_does_not_count() -> None:
    archive = opened(WITH_CODE)
    members = entries(code_of(archive))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        for entry in reversed(members):
            info = tarfile.TarInfo(f"./{entry.name}")
            info.size, info.mtime, info.uid, info.mode = len(entry.content), 1, 1000, 0o600
            made.addfile(info, io.BytesIO(entry.content))
    # pigz writes another header and other blocks than zlib does at its usual level.
    repacked = with_code(archive, gzip.compress(packed.getvalue(), 1, mtime=77))
    assert repacked != archive
    assert digests(repacked) == digests(archive)


def test_tar_tgz_and_order_of_members_do_not_count() -> None:
    archive = opened(WITH_CODE)
    backwards = dict(reversed(archive.members.items()))
    assert digests(read(tar(backwards, compress=False))) == digests(archive)


@pytest.mark.parametrize("change", ["content", "name", "mode", "link"])
def test_what_code_holds_counts(change: str) -> None:
    archive = opened(WITH_CODE)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as made:
        for index, entry in enumerate(entries(code_of(archive))):
            info = tarfile.TarInfo(entry.name)
            content = entry.content
            if index == 0 and change == "content":
                content += b"\n"
            elif index == 0 and change == "name":
                info.name += "x"
            elif index == 0 and change == "mode":
                info.mode = 0o755
            elif index == 0:
                info.type, info.linkname, content = tarfile.SYMTYPE, "elsewhere", b""
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    after = with_code(archive, gzip.compress(packed.getvalue()))
    assert len(moved(archive, after)) == len(digests(archive))


def test_edit_of_a_task_moves_the_task_and_what_runs_it() -> None:
    archive = opened(QUICKSTART)

    def change(spec: Any) -> None:
        spec.template.container.image = "example.invalid/quickstart:v2"

    assert moved(archive, edited(archive, "quickstart.report.alive_1", change)) == {
        "Task quickstart.report.alive",
        "Workflow quickstart.report.heartbeat",
        "LaunchPlan quickstart.report.heartbeat",
        "LaunchPlan quickstart.beat",
    }


def test_edit_below_a_launch_plan_node_moves_the_workflow_above() -> None:
    archive = opened(QUICKSTART)

    def change(spec: Any) -> None:
        spec.template.container.args.append("--more")

    assert moved(archive, edited(archive, "quickstart.etl.count_1", change)) == {
        "Task quickstart.etl.count",
        "Workflow quickstart.etl.etl",
        "Workflow quickstart.etl.etl_in_parts",
        "Workflow quickstart.report.weekly",
        "LaunchPlan quickstart.etl.etl",
        "LaunchPlan quickstart.etl.etl_in_parts",
        "LaunchPlan quickstart.daily_orders",
        "LaunchPlan quickstart.nightly",
        "LaunchPlan quickstart.report.weekly",
    }


def test_edit_of_a_schedule_moves_the_plan_alone() -> None:
    archive = opened(QUICKSTART)

    def change(plan: Any) -> None:
        plan.spec.entity_metadata.schedule.cron_schedule.schedule = "0 3 * * *"

    after = edited(archive, "quickstart.nightly_3", change)
    assert moved(archive, after) == {"LaunchPlan quickstart.nightly"}


def test_edit_of_a_default_moves_the_workflow_since_its_default_plan_carries_its_version() -> None:
    archive = opened(QUICKSTART)

    def change(plan: Any) -> None:
        literal = plan.spec.default_inputs.parameters["verbose"].default
        literal.scalar.primitive.boolean = True

    after = edited(archive, "quickstart.report.heartbeat_3", change)
    assert moved(archive, after) == {
        "Workflow quickstart.report.heartbeat",
        "LaunchPlan quickstart.report.heartbeat",
        "LaunchPlan quickstart.beat",
    }
    found = digests(after)
    name = "quickstart.report.heartbeat"
    assert found["FlyteLaunchPlan", name] == found["FlyteWorkflow", name]


def test_sub_workflow_moves_what_embeds_it() -> None:
    archive = opened(VARIETY)

    def change(spec: Any) -> None:
        spec.template.metadata.retries.retries = 4

    assert moved(archive, edited(archive, "variety.flows.clean_up_1", change)) == {
        "Task variety.flows.clean_up",
        "Workflow variety.flows.guarded",
        "LaunchPlan variety.flows.guarded",
    }
    assert "Workflow variety.flows.outer" in moved(
        archive, edited(archive, "variety.flows.double_1", change)
    )


def test_order_of_the_nodes_that_a_node_waits_for_moves_nothing() -> None:
    archive = opened(VARIETY)

    def change(spec: Any) -> None:
        (gate,) = [node for node in spec.template.nodes if node.HasField("gate_node")]
        assert list(gate.upstream_node_ids) == ["n0", "n1"]
        gate.upstream_node_ids[:] = ["n1", "n0"]

    assert moved(archive, edited(archive, "variety.flows.outer_2", change)) == set()


def test_doc_strings_move_nothing() -> None:
    archive = opened(QUICKSTART)

    def change(spec: Any) -> None:
        spec.description.short_description = "said otherwise"
        spec.description.source_code.link = "https://example.com/commit/1"

    for name in ("quickstart.etl.clean_in_parts_1", "quickstart.etl.etl_2"):
        assert moved(archive, edited(archive, name, change)) == set()


@pytest.mark.parametrize("path", ALL.values(), ids=ALL.keys())
def test_promotion_to_another_domain_keeps_every_digest(path: Any) -> None:
    archive = opened(path)
    there = Place("another", "production")
    assert digests(archive, there) == digests(archive, HERE)


@pytest.mark.parametrize("placeholder", ["{{ registration.version }}", "{{registration.version}}"])
def test_placeholders_of_old_clients_mean_what_empty_ids_mean(placeholder: str) -> None:
    archive = opened(QUICKSTART)

    def fill(identifier: Any) -> None:
        identifier.version = placeholder
        identifier.project = placeholder.replace("version", "project")
        identifier.domain = placeholder.replace("version", "domain")

    def workflow(spec: Any) -> None:
        fill(spec.template.id)
        for node in spec.template.nodes:
            if node.HasField("task_node"):
                fill(node.task_node.reference_id)

    def plan(one: Any) -> None:
        fill(one.id)
        fill(one.spec.workflow_id)

    old = edited(archive, "quickstart.report.heartbeat_2", workflow)
    old = edited(old, "quickstart.report.heartbeat_3", plan)
    old = edited(old, "quickstart.report.alive_1", lambda spec: fill(spec.template.id))
    assert old != archive
    assert digests(old) == digests(archive)


def test_options_count_for_plans_and_the_workflows_whose_default_plan_they_change() -> None:
    archive = opened(QUICKSTART)
    before, after = digests(archive), digests(archive, labels={"team": "data"})
    same = {name for (kind, name) in before if kind == "FlyteTask"}
    assert {name for (kind, name) in before if before[kind, name] == after[kind, name]} == same
