"""The rights that the chart grants: all that the operator needs, and none beyond."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import chart_kit
import pytest
from chart_kit import RELEASE, Right

from reconciler.specs.registry import GROUP, KINDS

if TYPE_CHECKING:
    from kube_kit import Cluster, Identity

LEASE = "flyte-reconciler"
CRDS = ("apiextensions.k8s.io", "customresourcedefinitions")
FORGET = f"{RELEASE}-forget"


def plural(kind: str) -> str:
    lower = kind.lower()
    return lower if lower.endswith("s") else f"{lower}s"


def objects_in(where: str) -> set[Right]:
    """What it does with custom resources, and what it says about them."""
    found = {Right(where, "events.k8s.io", "events", verb) for verb in ("create", "patch")}
    for kind in KINDS:
        for verb in ("get", "list", "watch", "patch"):
            found.add(Right(where, GROUP, plural(kind), verb))
        for verb in ("get", "patch"):
            found.add(Right(where, GROUP, f"{plural(kind)}/status", verb))
    found.add(Right(where, GROUP, "flyteruns", "delete"))
    return found


def forget_in(where: str) -> set[Right]:
    verbs = ("get", "list", "patch")
    return {Right(where, GROUP, plural(kind), verb) for kind in KINDS for verb in verbs}


def everywhere() -> set[Right]:
    """What tells it, in the mode `cluster`, that a namespace or a definition is being deleted."""
    verbs = ("get", "list", "watch")
    return {Right("*", *what, verb) for what in (("", "namespaces"), CRDS) for verb in verbs}


def secrets_in(where: str, *verbs: str) -> set[Right]:
    return {Right(where, "", "secrets", verb) for verb in verbs}


def own_namespace(where: str) -> set[Right]:
    return {Right(where, "", "namespaces", "get", where)}


LEASES = {
    Right("flyte", "coordination.k8s.io", "leases", "create"),
    Right("flyte", "coordination.k8s.io", "leases", "get", LEASE),
    Right("flyte", "coordination.k8s.io", "leases", "update", LEASE),
}
SERVE = {
    Right("flyte", "discovery.k8s.io", "endpointslices", "create"),
    Right("flyte", "discovery.k8s.io", "endpointslices", "patch", f"{RELEASE}-serve-ipv4"),
    Right("flyte", "discovery.k8s.io", "endpointslices", "patch", f"{RELEASE}-serve-ipv6"),
}
READ = ("get", "watch")
WRITE = ("get", "create", "patch", "delete")
NAMESPACED: dict[str, Any] = {"scope": "namespaced", "namespaces": ["one", "two"]}
TWO = {
    *(objects_in("one") | own_namespace("one")),
    *(objects_in("two") | own_namespace("two")),
}
TABLE: dict[str, tuple[dict[str, Any], set[Right]]] = {
    "cluster": ({}, objects_in("*") | everywhere() | LEASES),
    "cluster without a leader": (
        {"operator": {"leaderElection": False}},
        objects_in("*") | everywhere(),
    ),
    "cluster, reads all secrets": (
        {"secrets": {"read": True}},
        objects_in("*") | everywhere() | LEASES | secrets_in("*", *READ),
    ),
    "cluster, secrets of some namespaces": (
        {
            "secrets": {
                "read": True,
                "readNamespaces": ["one"],
                "write": True,
                "writeNamespaces": ["p-d"],
            }
        },
        objects_in("*")
        | everywhere()
        | LEASES
        | secrets_in("one", *READ)
        | secrets_in("p-d", *WRITE)
        | own_namespace("p-d"),
    ),
    "cluster, webhooks": (
        {"git": {"enabled": True}},
        objects_in("*") | everywhere() | LEASES | SERVE,
    ),
    "its own namespace, the page": (
        {"scope": "namespaced", "page": {"enabled": True, "token": {"secretName": "page"}}},
        objects_in("flyte") | own_namespace("flyte") | LEASES | SERVE,
    ),
    "its own namespace": (
        {"scope": "namespaced"},
        objects_in("flyte") | own_namespace("flyte") | LEASES,
    ),
    "two namespaces": (NAMESPACED, TWO | LEASES),
    "two namespaces, reads secrets": (
        NAMESPACED | {"secrets": {"read": True}},
        TWO | LEASES | secrets_in("one", *READ) | secrets_in("two", *READ),
    ),
    "two namespaces, writes secrets elsewhere": (
        NAMESPACED | {"secrets": {"write": True, "writeNamespaces": ["p-d"]}},
        TWO | LEASES | secrets_in("p-d", *WRITE) | own_namespace("p-d"),
    ),
}


@pytest.mark.parametrize(("values", "expected"), TABLE.values(), ids=TABLE)
def test_operator_has_exactly_these_rights(
    cluster: Cluster, values: dict[str, Any], expected: set[Right]
) -> None:
    given = chart_kit.rights(chart_kit.render(cluster, values), RELEASE)

    assert sorted(given) == sorted(expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [({}, forget_in("*")), (NAMESPACED, forget_in("one") | forget_in("two"))],
    ids=["cluster", "namespaced"],
)
def test_hook_may_take_finalizers_off_and_nothing_else(
    cluster: Cluster, values: dict[str, Any], expected: set[Right]
) -> None:
    objects = chart_kit.render(cluster, values)

    assert sorted(chart_kit.rights(objects, FORGET)) == sorted(expected)


def test_roles_of_somebody_else_leave_none_but_those_of_the_hook(cluster: Cluster) -> None:
    objects = chart_kit.render(cluster, {"rbac": {"create": False}, "secrets": {"read": True}})

    assert chart_kit.rights(objects, RELEASE) == set()


def test_no_role_has_a_wildcard(cluster: Cluster) -> None:
    for values in (chart_kit.EVERYTHING, chart_kit.EVERYTHING | NAMESPACED):
        text = json.dumps([item.get("rules") for item in chart_kit.render(cluster, values)])
        assert '"*"' not in text


def _review(who: Identity, question: tuple[str, str, str, str, str]) -> dict[str, Any]:
    """What asks an API server whether somebody may: verb, group, resource, namespace, name."""
    names = ("verb", "group", "resource", "namespace", "name")
    user = f"system:serviceaccount:{who.namespace}:{who.name}"
    what = {key: value for key, value in zip(names, question, strict=True) if value}
    resource, _, subresource = what["resource"].partition("/")
    attributes = what | {"resource": resource, "subresource": subresource}
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes": attributes},
    }


def test_api_server_reads_the_roles_of_a_namespaced_release_so(cluster: Cluster) -> None:
    there, watched, other = (cluster.namespace(name) for name in ("chart", "watched", "other"))
    values = {"scope": "namespaced", "namespaces": [watched], "secrets": {"read": True}}
    who = chart_kit.operator(cluster, values, namespace=there)
    plans, leases = "flytelaunchplans", "coordination.k8s.io"
    answers = {
        ("list", GROUP, plans, watched, ""): True,
        ("patch", GROUP, f"{plans}/status", watched, ""): True,
        ("get", "", "secrets", watched, "key"): True,
        ("get", "", "namespaces", watched, watched): True,
        ("create", leases, "leases", there, ""): True,
        ("update", leases, "leases", there, LEASE): True,
        ("list", GROUP, plans, other, ""): False,
        ("list", GROUP, plans, "", ""): False,
        ("delete", GROUP, plans, watched, "daily"): False,
        ("create", GROUP, plans, watched, ""): False,
        ("list", "", "secrets", watched, ""): False,
        ("get", "", "secrets", other, "key"): False,
        ("create", "", "secrets", watched, ""): False,
        ("get", "", "namespaces", other, other): False,
        ("list", "", "namespaces", "", ""): False,
        ("update", leases, "leases", there, "another"): False,
        ("create", "", "pods", there, ""): False,
    }

    reviews = [_review(who, question) for question in answers]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": reviews})
    form = 'jsonpath={.status.allowed}{"\\n"}'
    made = cluster.kubectl("create", "-o", form, "-f", "-", stdin=text).split()
    said = [word == "true" for word in made]

    assert dict(zip(answers, said, strict=True)) == answers
    seen = cluster.kubectl("get", "namespace", watched, "-o", "name", identity=who)
    assert seen.strip() == f"namespace/{watched}", "a Role grants its own namespace"
