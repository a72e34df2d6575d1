"""The API server takes what `validate` takes, and refuses what it refuses, where it can tell."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from kube_kit import Cluster

from reconciler.model.document import Document
from reconciler.model.origin import Origin
from reconciler.sources.yaml import parse
from reconciler.specs import annotate, crd, schema
from reconciler.specs.registry import API_VERSION, KINDS
from reconciler.specs.validate import validate

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "corpus" / "bad_specs.jsonl"
PUBLISHED = jsonschema.Draft202012Validator(schema.combined())
FILES = sorted([*(ROOT / "examples").rglob("*.yaml"), *(ROOT / "specs").glob("*.yaml")])
PLACE = "/apis/flyte.reconciler.dev/v1alpha1/namespaces/default"

_WINDOWS = ("window that ends before it starts", "relative window without length")

# What the API server cannot tell, and the operator tells in the status (`InvalidSpec`).
UNTOLD = {
    # It makes the name up, as it was asked to.
    "envelope: generated name",
    # The place that is asked decides, not the text.
    "envelope: namespace with capitals",
    # The text was YAML 1.1 before kubectl made JSON of it.
    *(f"plan: input named {name}" for name in ("n", "On")),
    *("plan: input with value on", "plan: input with value No in a list"),
    *("plan: input with a deep key y", "plan: fixed input named off"),
    *("plan: label key is an unquoted word", "project: domain that is an unquoted word"),
    "sync: version glob is an unquoted word",
    # Rules see no field of free form, and no key of a large map.
    *("plan: input without a name", "plan: input twice", "trigger: kickoff input with a value"),
    *("plan: annotation key with a space", "plan: variable that starts with a digit"),
    *("plan: variable with a space", "project: workflow with a comma"),
    "plan: rate that follows the latest version",
    # A null where no field is cleared by it is dropped: the field is absent.
    *("project: empty attributes", "project: settings of nothing", "project: domain is null"),
    # Arithmetic that CEL has not.
    *("plan: rate that overflows", "secret: empty step of a key"),
    *(f"backfill: {name}" for name in _WINDOWS),
    "plan: look back of nothing",
    # A name of the object itself, and one list beside another, which no rule may walk.
    *("run: after itself", "run: after the same twice", "run: input twice"),
}


def create(cluster: Cluster, document: dict[str, Any]) -> tuple[int, Any]:
    """Ask what would become of a new object, as kubectl does: unknown fields are refused."""
    body = copy.deepcopy(document)
    if isinstance(body.get("metadata"), dict) and isinstance(body["metadata"].get("name"), str):
        body["metadata"].pop("namespace", None)
    plural = crd.NAMES[document["kind"]].plural
    return cluster.call("POST", f"{PLACE}/{plural}?dryRun=All&fieldValidation=Strict", body)


def ours(text: bytes) -> list[Document]:
    documents, _ = parse(text, file="x.yaml")
    return [one for one in documents if _is_ours(one.value)]


def _is_ours(value: Any) -> bool:
    kind = value.get("kind")
    return isinstance(kind, str) and kind in KINDS and value.get("apiVersion") == API_VERSION


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_are_taken_and_mean_the_same_with_their_defaults(
    definitions: Cluster, path: Path
) -> None:
    for document in ours(path.read_bytes()):
        value = copy.deepcopy(document.value)
        (before,) = validate([document]).declared
        code, answer = create(definitions, value)
        assert code == 201, answer["message"]
        (after,) = validate([Document(answer, Origin("cluster", 1, 1))]).declared
        assert after.spec == before.spec


def test_bad_documents_are_refused_but_for_those_that_are_listed(definitions: Cluster) -> None:
    taken, seen = set(), 0
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        for document in ours(case["text"].encode()):
            value = copy.deepcopy(document.value)
            if not validate([document]).problems:
                continue
            seen += 1
            code, answer = create(definitions, value)
            assert code in {201, 400, 422}, answer
            if code == 201:
                taken.add(case["name"])
    assert seen > 280
    assert taken - UNTOLD == set()
    assert UNTOLD - taken == set()


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_validate_takes_is_taken(definitions: Cluster, kind: str) -> None:
    """Changes of the example, as the published schema is tried by."""
    chance = random.Random(kind)
    tried = 0
    for _ in range(1500):
        ((document,), _problems) = parse(annotate.example(kind).encode(), file="x.yaml")
        value = copy.deepcopy(document.value)
        for _change in range(chance.randint(1, 3)):
            _change_one(value["spec"], chance)
        if validate([Document(copy.deepcopy(value), Origin("x", 1, 1))]).problems:
            continue
        tried += 1
        if tried > 100:
            break
        code, answer = create(definitions, value)
        assert code == 201, f"{answer['message']}\n{value['spec']}"
        (after,) = validate([Document(answer, Origin("cluster", 1, 1))]).declared
        (before,) = validate([Document(value, Origin("x", 1, 1))]).declared
        assert after.spec == before.spec
    assert tried > 20


def _change_one(spec: Any, chance: random.Random) -> None:
    holder = chance.choice(_holders(spec))
    keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
    if not keys:
        return
    key = chance.choice(keys)
    change = chance.choice(["drop", None, 0, "x", {}, True])
    if change == "drop":
        del holder[key]
    else:
        holder[key] = change


def _holders(value: object) -> list[Any]:
    found: list[Any] = [value] if isinstance(value, dict | list) else []
    inner = list(value.values()) if isinstance(value, dict) else value
    for one in inner if isinstance(inner, list) else []:
        found += _holders(one)
    return found


@pytest.mark.parametrize(
    ("amount", "is_taken"),
    [
        *((one, True) for one in (2, 0.5, 0, "500m", "1.5Gi", "1e3")),
        *((one, False) for one in (-1, -0.5, True, False, [], ["1"], {}, {"a": 1}, "much", "")),
    ],
)
def test_amount_is_text_or_a_number(definitions: Cluster, amount: Any, is_taken: bool) -> None:
    spec = {"attributes": {"taskResources": {"limits": {"cpu": amount}}}}
    value = {"apiVersion": API_VERSION, "kind": "FlyteProject", "metadata": {"name": "abc"}}
    code, answer = create(definitions, {**value, "spec": spec})
    assert (code == 201) is is_taken, answer
    document = Document({**value, "spec": spec}, Origin("x", 1, 1))
    assert (not validate([document]).problems) is is_taken


@pytest.mark.parametrize(
    ("version", "is_taken"),
    [
        *((one, True) for one in ("v1", {"latest": True}, {"latest": True, "matching": "v*"})),
        *((one, False) for one in (1, 1.5, True, [], ["v1"], {}, {"latest": False}, "a b", "")),
        ({"latest": True, "matching": "a b"}, False),
    ],
)
def test_version_is_text_or_followed(definitions: Cluster, version: Any, is_taken: bool) -> None:
    spec = {"workflow": {"name": "etl", "version": version}}
    value = {"apiVersion": API_VERSION, "kind": "FlyteLaunchPlan", "metadata": {"name": "abc"}}
    code, answer = create(definitions, {**value, "spec": spec})
    assert (code == 201) is is_taken, answer
    document = Document({**value, "spec": spec}, Origin("x", 1, 1))
    assert (not validate([document]).problems) is is_taken


REFUSED = [
    ("FlyteLaunchPlan", {}, "needs workflow or existing; add one of them"),
    ("FlyteLaunchPlan", {"frobnicate": 1}, 'unknown field "spec.frobnicate"'),
    ("FlyteLaunchPlan", {"existing": {"version": "v"}, "state": "On"}, 'Unsupported value: "On"'),
    (
        "FlyteLaunchPlan",
        {"existing": {"version": "v"}, "labels": {"a": "b"}},
        "labels is not allowed with existing, which only chooses the active version; remove it",
    ),
    (
        "FlyteLaunchPlan",
        {"workflow": {"name": "a", "package": "p"}, "schedule": {"every": "6h"}},
        "each new version restarts its timer, so that it may never fire",
    ),
    (
        "FlyteLaunchPlan",
        {"workflow": {"name": "a", "package": "p"}, "labels": {"a b": "c"}},
        "a key must be a Kubernetes key",
    ),
    ("FlyteTrigger", {"task": {"name": "t", "version": "v" * 64}}, "Too long"),
    (
        "FlyteTrigger",
        {"task": {"name": "t", "version": "v"}, "schedule": {"every": "1h", "timezone": "UTC"}},
        "timezone has no meaning for a fixed rate",
    ),
    ("FlyteConnection", {"endpoint": "a:1", "config": "b"}, "exclude each other"),
    (
        "FlyteConnection",
        {"endpoint": "a:1", "auth": {"mode": "Token"}},
        "mode Token needs token; add token",
    ),
    (
        "FlyteConnection",
        {"endpoint": "a:1", "secrets": {"namespace": "{project}_{domain}"}},
        "namespace gives no name of a namespace",
    ),
    ("FlyteSync", {"interval": "0s"}, "interval is not above zero"),
    ("FlyteSync", {"git": {"url": "x"}}, "spec.git.url in body should match"),
    ("FlytePackage", {"archive": "https://a/b.tgz"}, "its content must be pinned; add sha256"),
    ("FlytePackage", {"archive": "ftp://a/b.tgz"}, "archive has a scheme that is not allowed"),
    ("FlyteSecret", {"valueFrom": {"env": "A"}, "group": "g"}, "group needs key too; add key"),
    ("FlyteSecret", {"value": "hunter2", "valueFrom": {"env": "A"}}, 'unknown field "spec.value"'),
    ("FlyteProject", {"description": "x" * 301}, "Too long: may not be more than 300"),
    ("FlyteSettings", {"run": {}}, "spec.run in body should have at least 1 properties"),
]


@pytest.mark.parametrize(("kind", "spec", "said"), REFUSED, ids=lambda part: str(part)[:40])
def test_bad_object_is_refused_with_its_reason(
    definitions: Cluster, kind: str, spec: dict[str, Any], said: str
) -> None:
    value = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "abc"}, "spec": spec}
    assert validate([Document(copy.deepcopy(value), Origin("x", 1, 1))]).problems
    code, answer = create(definitions, value)
    assert code in {400, 422}
    assert said in answer["message"]
    assert "hunter2" not in answer["message"]


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("FlyteSync", "my.set", "metadata.name must be a set name"),
        ("FlyteSync", "unclaimed", "is reserved for documents that have no FlyteSync"),
        ("FlyteConnection", "embedded", "choose another name"),
        ("FlyteProject", "a.b", "write the project id in spec.name"),
    ],
)
def test_bad_name_is_refused_with_its_reason(
    definitions: Cluster, kind: str, name: str, said: str
) -> None:
    spec = {"endpoint": "a:1"} if kind == "FlyteConnection" else {}
    value = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
    text = json.dumps(value)
    assert said in definitions.kubectl("apply", "-f", "-", stdin=text, code=1)


def test_published_schema_takes_whatever_the_api_server_takes(definitions: Cluster) -> None:
    """But for what only the schema says: keys of maps, and quantities that are numbers."""
    differ = set()
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        for document in ours(case["text"].encode()):
            code, _ = create(definitions, document.value)
            if code == 201 and not PUBLISHED.is_valid(document.value):
                differ.add(case["name"])
    assert differ - UNTOLD == set()
