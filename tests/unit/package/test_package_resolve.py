"""Which resources a declared package gives, and what is said where it cannot."""

from __future__ import annotations

from typing import Any

import pytest
from flyteidl.core import identifier_pb2
from package_files import (
    ARCHIVES,
    HERE,
    QUICKSTART,
    REALWORLD,
    VARIETY,
    document,
    edited,
    opened,
    package,
    resolved,
    without,
)

from reconciler.model.document import Json
from reconciler.model.key import Key
from reconciler.model.origin import Severity
from reconciler.model.resource import State
from reconciler.resolve.resolve import Resolved
from reconciler.sources.archive import Archive

PLANS = "FlyteLaunchPlan"
DEFAULTS = {
    "quickstart.etl.etl",
    "quickstart.etl.etl_in_parts",
    "quickstart.report.weekly",
    "quickstart.report.heartbeat",
}
OWN = {"quickstart.daily_orders", "quickstart.nightly", "quickstart.beat"}


def states(found: Resolved) -> dict[str, State]:
    return {
        key.name: one.state for key, one in found.desired.resources.items() if key.kind == PLANS
    }


def of_quickstart(**plans: Json) -> Resolved:
    return resolved(package(launchPlans=plans), archive=opened(QUICKSTART))


def problem_of(archive: Archive | str | None) -> str:
    found = resolved(package(), archive=archive)
    assert not found.desired.resources
    assert HERE in found.desired.unreadable
    return "\n".join(str(one) for one in found.errors)


def test_every_entity_is_a_resource_of_the_package() -> None:
    found = of_quickstart()
    assert not found.problems
    assert len(found.desired.resources) == 17
    for key, one in found.desired.resources.items():
        assert key.place == HERE
        assert one.group == "FlytePackage/flytesnacks/development/code"
        assert one.version == f"team.{one.digest}"
        assert str(one.origin).startswith("code.yaml:")


def test_references_name_what_must_be_registered_first() -> None:
    resources = of_quickstart().desired.resources
    weekly = resources[Key("FlyteWorkflow", *_at("quickstart.report.weekly"))]
    assert {str(ref.key).split("/", 3)[0] + " " + ref.key.name for ref in weekly.refs} == {
        "FlyteLaunchPlan quickstart.daily_orders",
        "FlyteTask quickstart.report.total",
    }
    for one in resources.values():
        for ref in one.refs:
            assert resources[ref.key].version == ref.version


def _at(name: str) -> tuple[str, str, str]:
    return HERE.project, HERE.domain, name


def test_default_plan_carries_the_version_of_its_workflow_exactly() -> None:
    resources = of_quickstart().desired.resources
    for name in DEFAULTS:
        plan = resources[Key(PLANS, *_at(name))]
        assert plan.version == resources[Key("FlyteWorkflow", *_at(name))].version
        assert plan.state is State.UNMANAGED


@pytest.mark.parametrize(
    ("policy", "names"),
    [
        ({}, DEFAULTS | OWN),
        ({"register": "All"}, DEFAULTS | OWN),
        ({"register": "Default"}, DEFAULTS | {"quickstart.daily_orders"}),
        ({"register": "None"}, {"quickstart.daily_orders"}),
        (
            {"register": "None", "plans": [{"name": "quickstart.n*", "state": "Active"}]},
            {"quickstart.daily_orders", "quickstart.nightly"},
        ),
    ],
)
def test_registered_are_the_asked_plans_and_those_of_nodes(
    policy: dict[str, Json], names: set[str]
) -> None:
    assert states(of_quickstart(**policy)).keys() == names


@pytest.mark.parametrize(
    ("policy", "active"),
    [
        ({}, set()),
        ({"activate": "Unmanaged"}, set()),
        ({"activate": "Scheduled"}, {"quickstart.nightly", "quickstart.beat"}),
        ({"activate": "All"}, OWN),
        (
            {
                "activate": "All",
                "plans": [
                    {"name": "quickstart.beat", "state": "Inactive"},
                    {"name": "*", "state": "Unmanaged"},
                ],
            },
            set(),
        ),
        ({"plans": [{"name": "*", "state": "Active"}]}, OWN),
    ],
)
def test_activated_are_the_asked_plans_and_never_a_default_one(
    policy: dict[str, Json], active: set[str]
) -> None:
    found = states(of_quickstart(**policy))
    assert {name for name, state in found.items() if state is State.ACTIVE} == active
    assert all(found[name] is State.UNMANAGED for name in DEFAULTS & found.keys())


def test_first_exception_that_matches_decides() -> None:
    found = states(
        of_quickstart(
            plans=[
                {"name": "quickstart.beat", "state": "Inactive"},
                {"name": "quickstart.*", "state": "Active"},
            ]
        )
    )
    assert found["quickstart.beat"] is State.INACTIVE
    assert found["quickstart.nightly"] is State.ACTIVE


def test_exception_that_names_no_plan_is_a_warning() -> None:
    found = of_quickstart(plans=[{"name": "nightli", "state": "Active"}])
    (problem,) = found.problems
    assert problem.severity is Severity.WARNING
    assert problem.path == "spec.launchPlans.plans[0].name"
    assert "quickstart.nightly" in problem.fix
    assert len(found.desired.resources) == 17


def test_options_are_filled_into_every_plan() -> None:
    options: dict[str, Json] = {
        "labels": {"team": "data"},
        "annotations": {"note": "x"},
        "serviceAccount": "runner",
        "rawOutputPrefix": "s3://bucket/raw",
    }
    found = resolved(package(options=options), archive=opened(QUICKSTART))
    bodies = [one.body for key, one in found.desired.resources.items() if key.kind == PLANS]
    for body in bodies:
        assert body["labels"] == {"team": "data"}
        assert body["annotations"] == {"note": "x"}
        assert body["runAs"] == {"serviceAccount": "runner"}
        assert body["rawOutputPrefix"] == "s3://bucket/raw"


def test_plans_of_the_set_find_workflows_with_their_defaults() -> None:
    plan = document(
        PLANS,
        "berlin",
        workflow={"name": "quickstart.etl.etl", "package": "code"},
        inputs={"weights": {"base": 1}},
        schedule={"cron": "0 6 * * *", "kickoffInput": "day"},
    )
    found = resolved(package(), plan, archive=opened(QUICKSTART))
    assert not found.errors
    one: Any = found.desired.resources[Key(PLANS, *_at("berlin"))]
    assert one.awaits == "FlytePackage/flytesnacks/development/code"
    assert one.body["defaultInputs"].keys() >= {"weights", "lowest", "mode", "limits", "note"}


def test_plan_declared_as_packaged_has_the_same_normal_form() -> None:
    plan = document(
        PLANS,
        "nightly",
        name="quickstart.nightly",
        workflow={"name": "quickstart.etl.etl", "package": "code"},
        inputs={"weights": {"base": 1.0}},
        schedule={"cron": "0 2 * * *", "kickoffInput": "day"},
    )
    key = Key(PLANS, *_at("quickstart.nightly"))
    both = package(launchPlans={"register": "Default"})
    declared = resolved(both, plan, archive=opened(QUICKSTART)).desired.resources[key]
    packaged = of_quickstart().desired.resources[key]
    assert declared.body == packaged.body
    assert declared.version == packaged.version


def test_plan_in_a_package_and_declared_is_an_error_with_both_places() -> None:
    plan = document(
        PLANS,
        "nightly",
        line=7,
        name="quickstart.nightly",
        workflow={"name": "quickstart.etl.etl", "package": "code"},
        inputs={"weights": {"base": 1.0}},
    )
    found = resolved(package(), plan, archive=opened(QUICKSTART))
    (error,) = found.errors
    assert "nightly.yaml:7" in str(error)
    assert "code.yaml:1" in str(error)


def test_what_belongs_to_others_is_kept_as_it_is_written() -> None:
    found = resolved(package(), archive=opened(VARIETY))
    foreign: Any = found.desired.resources[Key("FlyteWorkflow", *_at("variety.flows.foreign"))]
    assert not found.problems
    assert foreign.refs == ()
    assert '"version": "v1"' in str(foreign.body).replace("'", '"')


def test_plan_of_a_foreign_workflow_waits_for_nothing_of_the_package() -> None:
    def change(plan: Any) -> None:
        plan.spec.workflow_id.name = "others.flow"
        plan.spec.workflow_id.version = "v7"

    archive = edited(opened(QUICKSTART), "quickstart.beat_3", change)
    found = resolved(package(), archive=archive)
    plan: Any = found.desired.resources[Key(PLANS, *_at("quickstart.beat"))]
    (ref,) = plan.refs
    assert (ref.key, ref.version) == (Key("FlyteWorkflow", *_at("others.flow")), "v7")
    assert plan.body["workflow"] == {"name": "others.flow", "version": "v7"}


def test_archive_that_could_not_be_read_is_an_error_and_holds_removals_back() -> None:
    assert "dist/package.tgz: No such file" in problem_of("dist/package.tgz: No such file")
    assert "was not read" in problem_of(None)


def test_archive_without_entities_is_an_error() -> None:
    assert "holds no tasks" in problem_of(Archive({"README": b""}))


@pytest.mark.parametrize(
    ("member", "content", "words"),
    [
        ("99_x_1.pb", b"\xff\xff", "no serialized entity"),
        ("99_x.pb", b"", "its kind is unknown"),
        ("99_x_2.pb", opened(QUICKSTART).members["00_quickstart.etl.extract_1.pb"], "99_x_2.pb"),
        (
            "99_x_1.pb",
            opened(QUICKSTART).members["00_quickstart.etl.extract_1.pb"],
            "FlyteTask quickstart.etl.extract is in the package a second time",
        ),
    ],
)
def test_broken_member_is_named(member: str, content: bytes, words: str) -> None:
    archive = opened(QUICKSTART)
    text = problem_of(Archive({**archive.members, member: content}))
    assert member in text
    assert words in text


def test_fields_of_a_newer_flyte_are_refused_and_not_lost() -> None:
    archive = opened(QUICKSTART)
    name = "10_quickstart.report.alive_1.pb"
    newer = archive.members[name] + b"\xfa\x7f\x01x"
    text = problem_of(Archive({**archive.members, name: newer}))
    assert "would lose" in text


def test_all_faults_are_said_at_once() -> None:
    archive = without(opened(REALWORLD), ".tar.gz", "send_1.pb")
    text = problem_of(archive)
    assert text.count("needs a code archive") == 3
    assert text.count("which the package does not hold") == 6


def test_two_code_archives_are_an_error() -> None:
    archive = opened(REALWORLD)
    assert "more than one code archive" in problem_of(
        Archive({**archive.members, "fast2.tar.gz": b""})
    )


def test_broken_code_archive_is_an_error() -> None:
    archive = opened(ARCHIVES / "quickstart-all.tgz")
    (name,) = [one for one in archive.members if one.endswith(".tar.gz")]
    text = problem_of(Archive({**archive.members, name: archive.members[name][:-30]}))
    assert "its code archive cannot be unpacked" in text


def test_circle_is_an_error() -> None:
    def change(spec: Any) -> None:
        node = spec.template.nodes[0]
        node.workflow_node.launchplan_ref.CopyFrom(
            identifier_pb2.Identifier(
                resource_type=identifier_pb2.LAUNCH_PLAN, name="quickstart.nightly"
            )
        )

    archive = edited(opened(QUICKSTART), "quickstart.etl.etl_2", change)
    text = problem_of(archive)
    assert "refers to itself in a circle" in text
    assert "quickstart.nightly" in text


def test_scheduled_plan_with_an_open_input_is_an_error() -> None:
    def change(plan: Any) -> None:
        del plan.spec.default_inputs.parameters["weights"]

    archive = edited(opened(QUICKSTART), "quickstart.nightly_3", change)
    found = resolved(package(), archive=archive)
    (error,) = found.errors
    assert "leaves its input weights without a value" in str(error)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("example.com/flyteidl.core.Identifier", "launch_conditions cannot be registered"),
        ("example.com/unknown", "FlyteLaunchPlan quickstart.beat: cannot be read"),
    ],
)
def test_plan_that_cannot_be_registered_as_it_is_is_an_error(url: str, words: str) -> None:
    def change(plan: Any) -> None:
        plan.spec.entity_metadata.launch_conditions.type_url = url

    archive = edited(opened(QUICKSTART), "quickstart.beat_3", change)
    assert words in problem_of(archive)


@pytest.mark.parametrize(
    ("state", "severity"), [("Active", Severity.ERROR), ("Unmanaged", Severity.WARNING)]
)
def test_schedule_that_cannot_run_stops_only_its_activation(state: str, severity: Severity) -> None:
    def change(plan: Any) -> None:
        plan.spec.entity_metadata.schedule.cron_schedule.schedule = "0 0 30 2 *"

    archive = edited(opened(QUICKSTART), "quickstart.nightly_3", change)
    plans: Json = [{"name": "quickstart.nightly", "state": state}]
    found = resolved(package(launchPlans={"plans": plans}), archive=archive)
    assert {one.severity for one in found.problems if "nightly" in one.message} == {severity}


def test_no_domain_is_an_error_that_says_where_to_write_it() -> None:
    from reconciler.model.key import Place

    found = resolved(package(), archive=opened(QUICKSTART), place=Place("p", ""))
    assert "spec.domain" in str(found.errors[0])
