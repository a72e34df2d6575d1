"""The values of the chart: all are in the schema and in the README, and others are refused."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import chart_kit
import jsonschema
import pytest
import yaml
from chart_kit import CHART

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kube_kit import Cluster

SCHEMA = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
VALUES = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
SHARED = "global"


def _leaves(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, below in schema["properties"].items():
        where = f"{path}.{name}" if path else name
        if "properties" in below:
            yield from _leaves(below, where)
        else:
            yield where, below


def _value(path: str) -> Any:
    found: Any = VALUES
    for name in path.split("."):
        found = found[name]
    return found


def _paths(values: Mapping[str, Any], path: str = "") -> Iterator[str]:
    known = dict(_leaves(SCHEMA))
    for name, below in values.items():
        where = f"{path}.{name}" if path else name
        if isinstance(below, dict) and where not in known:
            yield from _paths(below, where)
        else:
            yield where


def _rows() -> list[str]:
    return [
        f"| `{path}` | `{json.dumps(_value(path))}` | {below['description']} |"
        for path, below in _leaves(SCHEMA)
        if path != SHARED
    ]


def _objects(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "properties" in schema:
        yield schema
        for below in schema["properties"].values():
            yield from _objects(below)


def test_schema_is_one_and_the_defaults_follow_it() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.Draft7Validator(SCHEMA).validate(VALUES)


def test_schema_and_defaults_have_the_same_values() -> None:
    assert sorted(_paths(VALUES)) == sorted({path for path, _ in _leaves(SCHEMA)} - {SHARED})


def test_schema_refuses_unknown_keys_at_every_level() -> None:
    assert [item for item in _objects(SCHEMA) if item["additionalProperties"] is not False] == []


def test_readme_explains_every_value_with_its_default() -> None:
    text = (CHART / "README.md").read_text(encoding="utf-8")
    written = [line for line in text.splitlines() if line.startswith("| `")]

    assert written == _rows()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 2}, "additional properties 'replica' not allowed"),
        ({"operator": {"worker": 2}}, "additional properties 'worker' not allowed"),
        ({"replicas": 3}, "at '/replicas': value must be one of 1, 2"),
        ({"scope": "all"}, "at '/scope': value must be one of 'cluster', 'namespaced'"),
        ({"operator": {"interval": "10 minutes"}}, "at '/operator/interval'"),
        ({"operator": {"interval": 10}}, "got number, want string"),
        ({"operator": {"connection": "prod"}}, "at '/operator/connection'"),
        ({"operator": {"allowUrls": ["example.com"]}}, "at '/operator/allowUrls/0'"),
        ({"operator": {"workers": 0}}, "at '/operator/workers': minimum: got 0, want 1"),
        ({"image": {"digest": "abc"}}, "at '/image/digest'"),
        ({"runAsUser": 0}, "at '/runAsUser': minimum: got 0, want 1"),
        ({"namespaces": ["Team_A"]}, "at '/namespaces/0'"),
        ({"secrets": {"read": "yes"}}, "at '/secrets/read': got string, want boolean"),
        ({"tmp": {"sizeLimit": "lots"}}, "at '/tmp/sizeLimit'"),
        ({"git": {"allowSchemes": ["file"]}}, "at '/git/allowSchemes/0'"),
        ({"git": {"cache": {"sizeLimit": "lots"}}}, "at '/git/cache/sizeLimit'"),
        ({"page": {"proxies": ["everybody"]}}, "at '/page/proxies/0'"),
        (
            {"namespaces": ["one"]},
            "namespaces: has no meaning with scope: cluster; set scope: namespaced",
        ),
        (
            {"replicas": 2, "operator": {"leaderElection": False}},
            "replicas: two operators without a leader would write at once; set operator.leader",
        ),
        (
            {"serviceAccount": {"create": False}},
            "serviceAccount.name: is needed with serviceAccount.create: false; name the account",
        ),
        (
            {"secrets": {"readNamespaces": ["one"]}},
            "secrets.readNamespaces: has no meaning with secrets.read: false; set secrets.read",
        ),
        (
            {"secrets": {"writeNamespaces": ["one"]}},
            "secrets.writeNamespaces: has no meaning with secrets.write: false; set secrets.write",
        ),
        (
            {"page": {"enabled": True}},
            "page.enabled: shows what runs in production and is not for everybody; set page.token",
        ),
        (
            {"page": {"enabled": True, "header": "X-Forwarded-User"}},
            "page.header: is believed from page.proxies alone; set both, or neither",
        ),
        (
            {"page": {"token": {"secretName": "page"}}},
            "page: has no meaning with page.enabled: false; set page.enabled: true",
        ),
        (
            {"metrics": {"service": {"enabled": False}, "serviceMonitor": {"enabled": True}}},
            "metrics.serviceMonitor.enabled: finds the metrics by the Service; set metrics.service",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(
    cluster: Cluster, values: dict[str, Any], said: str
) -> None:
    assert said in chart_kit.template(cluster, values, code=1)


def test_platform_may_choose_the_user_but_not_root(cluster: Cluster) -> None:
    for pod in chart_kit.pods(chart_kit.render(cluster, {"runAsUser": None})):
        assert "runAsUser" not in pod["securityContext"]
        assert pod["securityContext"]["runAsNonRoot"] is True


def test_chart_may_be_part_of_another(cluster: Cluster) -> None:
    assert chart_kit.render(cluster, {"global": {"region": "eu"}})
