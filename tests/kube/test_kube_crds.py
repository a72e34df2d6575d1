"""The definitions of our resources on a real API server: what it shows, keeps and upgrades."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
from kube_kit import Cluster

from reconciler.sources.yaml import parse
from reconciler.specs import crd, descriptions
from reconciler.specs.registry import API_VERSION, GROUP, KINDS
from reconciler.specs.validate import validate

ROOT = Path(__file__).parents[2]
SETS = sorted({path.parent for path in (ROOT / "examples").rglob("reconcile.yaml")})
PLAN = {"workflow": {"name": "pipelines.etl", "version": "v1"}}


def object_of(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def eventually(cluster: Cluster, *arguments: str, shows: str) -> str:
    """Ask kubectl until it shows a text: the API server publishes new schemas after a moment."""
    end = time.monotonic() + 30
    while True:
        said = cluster.kubectl(*arguments, code=None)
        if shows in said or time.monotonic() > end:
            assert shows in said, said
            return said
        time.sleep(0.2)


@pytest.mark.parametrize("kind", KINDS)
def test_definition_is_established_and_structural(definitions: Cluster, kind: str) -> None:
    found = definitions.json("get", "crd", f"{crd.NAMES[kind].plural}.{GROUP}")
    conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert found["status"]["acceptedNames"]["categories"] == ["flyte"]


def test_names_are_unique() -> None:
    names = [name for one in crd.NAMES.values() for name in (one.plural, one.short)]
    assert len(set(names)) == len(names)
    assert list(crd.NAMES) == list(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_explain_shows_what_every_field_of_the_spec_is(definitions: Cluster, kind: str) -> None:
    said = eventually(definitions, "explain", f"{crd.NAMES[kind].plural}.spec", shows="FIELDS:")
    words = " ".join(said.split())
    model = KINDS[kind]
    for attribute in model.model_fields:
        text = " ".join(descriptions.of_field(model, attribute).split())
        assert text[:60] in words, attribute
    said = definitions.kubectl("explain", crd.NAMES[kind].short)
    assert " ".join(descriptions.of_model(model).split())[:60] in " ".join(said.split())


@pytest.mark.parametrize("folder", SETS, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_are_applied_by_kubectl(
    definitions: Cluster, namespace: str, folder: Path
) -> None:
    found: dict[tuple[str, str], Any] = {}
    for path in sorted(folder.rglob("*.yaml")):
        documents, _ = parse(path.read_bytes(), file=path.name)
        for one in validate(documents).declared:
            found[one.kind, one.name] = one.document.value
    assert found
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(found.values())})
    command = ("apply", "-n", namespace, "-f", "-")
    said = definitions.kubectl(*command, "--dry-run=server", stdin=text)
    assert said.count("created (server dry run)") == len(found), said
    assert definitions.kubectl(*command, stdin=text).count(" created") == len(found)
    assert definitions.kubectl(*command, stdin=text).count(" unchanged") == len(found)


@pytest.mark.parametrize("name", [name for one in crd.NAMES.values() for name in (one.short,)])
def test_short_names_and_category_list(definitions: Cluster, namespace: str, name: str) -> None:
    assert "No resources found" in definitions.kubectl("get", name, "-n", namespace)
    assert "No resources found" in definitions.kubectl("get", "flyte", "-n", namespace)


def test_status_is_written_apart_from_the_spec(definitions: Cluster, namespace: str) -> None:
    made = object_of("FlyteLaunchPlan", "daily", PLAN)
    definitions.kubectl(
        "apply", "-n", namespace, "-f", "-", stdin=json.dumps({**made, "status": {"name": "mine"}})
    )
    found = definitions.json("get", "flp", "daily", "-n", namespace)
    assert found["status"] == {"observedGeneration": -1}
    change = json.dumps({"status": {"name": "daily"}, "spec": {"state": "Active"}})
    command = ("patch", "flp", "daily", "-n", namespace, "--type=merge", "-p", change)
    definitions.kubectl(*command, "--subresource=status")
    after = definitions.json("get", "flp", "daily", "-n", namespace)
    assert after["spec"] == found["spec"]
    assert after["metadata"]["generation"] == found["metadata"]["generation"]
    assert after["status"] == {"observedGeneration": -1, "name": "daily"}


def test_columns_of_a_plan_are_those_that_a_person_looks_for(
    definitions: Cluster, namespace: str
) -> None:
    made = object_of("FlyteLaunchPlan", "daily", PLAN)
    definitions.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(made))
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "ReconciliationSucceeded",
        "message": "in sync",
        "lastTransitionTime": "2027-01-01T00:00:00Z",
    }
    status = {
        "observedGeneration": 1,
        "conditions": [ready],
        "name": "etl.daily",
        "version": "ranking.amx3w5b2m7qd4ztr",
        "state": "Active",
        "nextRun": "2027-01-02T06:00:00Z",
    }
    change = json.dumps({"status": status})
    command = ("patch", "flp", "daily", "-n", namespace, "--type=merge", "-p", change)
    definitions.kubectl(*command, "--subresource=status")
    head, row = definitions.kubectl("get", "flp", "-n", namespace).splitlines()
    assert head.replace("NEXT RUN", "NEXT-RUN").split() == [
        *("NAME", "PLAN", "VERSION", "STATE", "NEXT-RUN", "READY", "AGE")
    ]
    assert row.split()[:-1] == [
        *("daily", "etl.daily", "ranking.amx3w5b2m7qd4ztr", "Active"),
        *("2027-01-02T06:00:00Z", "True"),
    ]
    head, row = definitions.kubectl("get", "flp", "-n", namespace, "-o", "wide").splitlines()
    assert "STATUS" in head
    assert "in sync" in row
    definitions.kubectl(
        "wait", "--for=condition=Ready", "flp/daily", "-n", namespace, "--timeout=5s"
    )


def test_a_field_that_null_clears_keeps_its_null(definitions: Cluster, namespace: str) -> None:
    made = object_of("FlyteProject", "ranking", {"attributes": {"clusterPool": None}})
    text = json.dumps(made)
    command = ("apply", "-n", namespace, "-f", "-")
    definitions.kubectl(*command, stdin=text)
    definitions.kubectl(*command, "--server-side", "--force-conflicts", stdin=text)
    found = definitions.json("get", "fproj", "ranking", "-n", namespace)
    assert found["spec"]["attributes"] == {"clusterPool": None}


def test_stored_objects_survive_a_newer_definition(definitions: Cluster, namespace: str) -> None:
    older = copy.deepcopy(crd.definition("FlyteTrigger"))
    (version,) = older["spec"]["versions"]
    spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"]["description"], spec["x-kubernetes-validations"]
    version["additionalPrinterColumns"] = []
    command = ("apply", "-n", namespace, "--server-side", "--force-conflicts", "-f", "-")
    made = object_of("FlyteTrigger", "daily", {"task": {"name": "etl.load", "version": "v1"}})
    made["spec"]["context"] = {"_u_mine": "x"}
    newer = object_of("FlyteTrigger", "daily", {**made["spec"], "description": "nightly"})
    try:
        definitions.kubectl(*command, stdin=json.dumps(older))
        end = time.monotonic() + 30
        # The older schema counts from the moment that it refuses what only the newer one has.
        while "unknown field" not in definitions.kubectl(
            "create",
            "-n",
            namespace,
            "--dry-run=server",
            "-f",
            "-",
            stdin=json.dumps(newer),
            code=None,
        ):
            assert time.monotonic() < end
            time.sleep(0.1)
        definitions.kubectl("create", "-n", namespace, "-f", "-", stdin=json.dumps(made))
        before = definitions.json("get", "ftr", "daily", "-n", namespace)
    finally:
        definitions.kubectl(*command, stdin=json.dumps(crd.definition("FlyteTrigger")))
    eventually(definitions, "get", "ftr", "daily", "-n", namespace, shows="etl.load")
    after = definitions.json("get", "ftr", "daily", "-n", namespace)
    assert after["spec"] == before["spec"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    # What a newer rule refuses stays as it is until it is touched, and can be put right.
    definitions.kubectl("label", "ftr", "daily", "-n", namespace, "a=b")
    newer["spec"]["context"] = {"mine": "x"}
    definitions.kubectl("replace", "-n", namespace, "-f", "-", stdin=json.dumps(newer))
    found = definitions.json("get", "ftr", "daily", "-n", namespace)
    assert found["spec"]["description"] == "nightly"
