from __future__ import annotations

from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from reconciler.model.policy import Drift, Prune
from reconciler.sources.yaml import parse
from reconciler.specs.connection import ConnectionSpec
from reconciler.specs.fields import DeletionPolicy
from reconciler.specs.launch_plan import LaunchPlanSpec
from reconciler.specs.package import Activate, PackageSpec, Register
from reconciler.specs.project import ProjectSpec
from reconciler.specs.registry import KINDS
from reconciler.specs.running import Latest
from reconciler.specs.schema import shapes_below
from reconciler.specs.sync import Render, SyncSpec
from reconciler.specs.validate import validate

WORKFLOW = {"name": "pipelines.etl", "version": "v1"}


def plan(**fields: Any) -> LaunchPlanSpec:
    return LaunchPlanSpec.model_validate({"workflow": WORKFLOW, **fields})


def test_names_are_camel_case_in_yaml_and_snake_case_here() -> None:
    assert plan(maxParallelism=3).max_parallelism == 3


def test_models_are_frozen() -> None:
    with pytest.raises(ValidationError):
        plan().name = "x"  # type: ignore[misc]  # the assignment that must fail


@pytest.mark.parametrize("field", ["labels", "serviceAccount", "notifications", "interruptible"])
def test_null_is_the_same_as_absent(field: str) -> None:
    assert plan(**{field: None}) == plan()
    assert field not in plan(**{field: None}).model_fields_set


def test_unknown_field_is_refused_even_when_it_is_null() -> None:
    with pytest.raises(ValidationError):
        plan(frobnicate=None)


def test_whole_float_is_the_integer_that_kubectl_sends() -> None:
    spec = plan(maxParallelism=3.0)
    assert spec.max_parallelism == 3
    assert type(spec.max_parallelism) is int


def test_interruptible_has_three_values() -> None:
    given: list[Any] = [True, False, None]
    assert [plan(interruptible=value).interruptible for value in given] == [True, False, None]


def test_integers_and_floats_of_inputs_stay_apart() -> None:
    inputs = plan(inputs={"a": 3, "b": 3.0}).inputs
    assert type(inputs["a"]) is int
    assert type(inputs["b"]) is float


def test_version_is_a_name_or_the_latest() -> None:
    given = {"name": "a", "version": {"latest": True, "matching": "v*"}}
    workflow = LaunchPlanSpec.model_validate({"workflow": given}).workflow
    assert workflow is not None
    assert workflow.version == Latest(latest=True, matching="v*")


def test_acknowledged_rate_may_follow_a_package() -> None:
    spec = LaunchPlanSpec.model_validate(
        {
            "workflow": {"name": "a", "package": "etl"},
            "schedule": {"every": "6h", "acknowledgeRestarts": True},
        }
    )
    assert spec.schedule is not None
    assert spec.schedule.every == "6h"


def test_rate_on_a_fixed_version_needs_no_acknowledgement() -> None:
    assert plan(schedule={"every": "1d"}).schedule is not None


def test_place_of_a_workflow_is_allowed_with_a_version() -> None:
    spec = plan(workflow={**WORKFLOW, "project": "shared", "domain": "staging"})
    assert spec.workflow is not None
    assert spec.workflow.project == "shared"


def test_existing_plan_takes_state_and_the_common_fields() -> None:
    common = {"sync": "abc", "adopt": True, "protect": False, "deletionPolicy": "Orphan"}
    place = {"project": "a", "domain": "b", "name": "c"}
    spec = LaunchPlanSpec.model_validate(
        {"existing": {"version": "v1"}, "state": "Active", **common, **place}
    )
    assert spec.deletion_policy is DeletionPolicy.ORPHAN
    assert spec.protect is False


def test_protection_that_nobody_wrote_is_none() -> None:
    assert plan().protect is None


@pytest.mark.parametrize(
    ("kind", "allowed"),
    [
        ("FlyteLaunchPlan", ["Deactivate", "Orphan", "Archive", "Delete"]),
        ("FlyteProject", ["Orphan"]),
        ("FlytePackage", ["Orphan"]),
    ],
)
def test_deletion_policies_are_those_of_the_kind(kind: str, allowed: list[str]) -> None:
    specs: dict[str, dict[str, Any]] = {
        "FlyteLaunchPlan": {"existing": {"version": "v1"}},
        "FlyteProject": {},
        "FlytePackage": {"archive": "a.tgz"},
    }
    accepted = []
    for policy in DeletionPolicy:
        try:
            KINDS[kind].model_validate({**specs[kind], "deletionPolicy": str(policy)})
        except ValidationError:
            continue
        accepted.append(str(policy))
    assert accepted == allowed


def test_quantities_may_be_bare_numbers() -> None:
    limits = {"cpu": 2, "gpu": 0.5, "memory": "1.5Gi", "storage": 3.0}
    given = {"attributes": {"taskResources": {"limits": limits}}}
    attributes = ProjectSpec.model_validate(given).attributes
    assert attributes is not None
    assert attributes.task_resources is not None
    found = attributes.task_resources.limits
    assert found is not None
    assert (found.cpu, found.gpu, found.memory, found.storage) == ("2", "0.5", "1.5Gi", "3")


def test_defaults_of_a_sync() -> None:
    spec = SyncSpec()
    assert (spec.paths, spec.render, spec.prune, spec.drift) == (
        (".",),
        Render.NONE,
        Prune.DEACTIVATE,
        Drift.CORRECT,
    )
    assert (spec.limits.max_removals, spec.limits.max_removal_fraction) == (20, 0.3)
    assert (spec.connection, spec.scopes, spec.interval, spec.suspend) == (None, None, "10m", False)


def test_scope_covers_all_domains_unless_it_names_some() -> None:
    spec = SyncSpec.model_validate({"scopes": [{"project": "ranking"}]})
    assert spec.scopes is not None
    assert spec.scopes[0].domains == ("*",)


def test_defaults_of_a_package() -> None:
    plans = PackageSpec.model_validate({"archive": "a.tgz"}).launch_plans
    assert (plans.register_, plans.activate) == (Register.ALL, Activate.UNMANAGED)


@pytest.mark.parametrize("archive", ["a.tgz", "dist/folder", "/srv/a.tar", "file:///srv/a.tgz"])
def test_local_archive_needs_no_hash(archive: str) -> None:
    assert PackageSpec.model_validate({"archive": archive}).sha256 is None


@pytest.mark.parametrize(
    "endpoint",
    [
        "flyte.example.com",
        "localhost:8089",
        "dns:///flyte:81",
        "https://flyte.example.com",
        "[::1]:8089",
    ],
)
def test_endpoints_in_use_are_accepted(endpoint: str) -> None:
    assert ConnectionSpec.model_validate({"endpoint": endpoint}).endpoint == endpoint


@pytest.mark.parametrize(
    "auth",
    [
        {"mode": "None"},
        {"mode": "Token", "token": {"env": "TOKEN"}},
        {"mode": "ClientCredentials", "clientId": "a", "clientSecret": {"file": "/run/secret"}},
        {
            "mode": "ClientCredentials",
            "clientId": "a",
            "clientSecret": {"secretKeyRef": {"name": "a", "key": "b"}},
            "scopes": ["all"],
            "audience": "x",
        },
        {"mode": "ApiKey", "apiKey": {"env": "FLYTE_API_KEY"}},
        {"mode": "Passthrough"},
    ],
    ids=["none", "token", "secret in a file", "secret of a cluster", "key", "passthrough"],
)
def test_every_served_way_of_identity_is_accepted(auth: dict[str, Any]) -> None:
    spec = ConnectionSpec.model_validate({"endpoint": "a:1", "auth": auth})
    assert spec.auth.mode == auth["mode"]


def test_names_of_models_are_unique_since_schemas_refer_to_them() -> None:
    found = {shape for model in KINDS.values() for shape in shapes_below(model)}
    assert len({shape.__name__ for shape in found}) == len(found)


def test_excluding_groups_name_fields_that_exist() -> None:
    for model in KINDS.values():
        for shape in shapes_below(model):
            names = {info.alias for info in shape.model_fields.values()}
            for group in (*shape.exactly_one, *shape.at_most_one):
                assert set(group) <= names
            assert shape.cleared_by_null <= names


LANGUAGE: dict[str, str] = {
    "FlyteSync": """
        connection: prod
        paths: ["specs/"]
        render: None
        defaults: {project: ranking, domain: production}
        scopes: [{project: ranking, domains: ["*"]}]
        prune: Deactivate
        drift: Correct
        limits: {maxRemovals: 20, maxRemovalFraction: 0.3}
        secrets: {allow: {env: [], file: []}}
        versions: {}
        suspend: false
        interval: 10m
        """,
    "FlyteConnection": """
        endpoint: flyte.example.com:443
        flyte: Auto
        tls:
          {insecure: false, caFile: null, certFile: null, keyFile: null, insecureSkipVerify: false}
        auth:
          {mode: None, clientId: null, clientSecret: null, token: null, scopes: [], audience: null}
        limits: {inFlight: 16, perSecond: 0, deadline: 30s}
        console: https://flyte.example.com
        secrets: {kubeconfig: null, namespace: "{project}-{domain}"}
        serves: [{namespaces: [], projects: [], domains: []}]
        """,
    "FlytePackage": """
        archive: dist/package.tgz
        sha256:
        launchPlans: {register: All, activate: Unmanaged, plans: [{name: "a.*", state: Active}]}
        options: {serviceAccount: null, rawOutputPrefix: null, labels: {}, annotations: {}}
        """,
    "FlyteLaunchPlan": """
        project: ranking
        domain: production
        name: etl.daily
        workflow: {name: pipelines.etl, package: etl}
        state: Active
        schedule: {cron: "0 6 * * *", timezone: Europe/Berlin, kickoffInput: day}
        inputs: {count: 3}
        fixedInputs: {lr: 0.5}
        notifications: [{phases: [Failed, TimedOut], email: [oncall@example.com]}]
        labels: {}
        annotations: {}
        serviceAccount: null
        iamRole: null
        rawOutputPrefix: null
        maxParallelism: 20
        interruptible: true
        overwriteCache: false
        envs: {}
        concurrency: {max: 1, onLimit: Skip}
        description: nightly
        """,
}


@pytest.mark.parametrize("kind", LANGUAGE)
def test_whole_kind_as_the_language_shows_it_is_accepted(kind: str) -> None:
    head = (
        f"apiVersion: flyte.reconciler.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: etl}}\nspec:\n"
    )
    documents, unreadable = parse(f"{head}{LANGUAGE[kind]}".encode(), file="a.yaml")
    assert (unreadable, validate(documents).problems) == ((), ())


def test_defaults_of_a_connection_are_those_the_language_shows() -> None:
    body = yaml.safe_load(LANGUAGE["FlyteConnection"])
    shown = ConnectionSpec.model_validate({**body, "serves": [], "console": None})
    assert shown == ConnectionSpec.model_validate({"endpoint": body["endpoint"]})
