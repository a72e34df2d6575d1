"""Secrets of Flyte 1 without a cluster: what documents become, and what a Secret tells of a key."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.backends import settings as settings_of
from reconciler.backends.auth import secret
from reconciler.backends.flyte1.adapters import ADAPTERS, SECRET_TRAITS, WITHOUT_CLUSTER
from reconciler.backends.flyte1.secret import spec
from reconciler.backends.flyte1.secret.calls import Writer
from reconciler.backends.flyte1.secret.kept import ABSENT, Kept
from reconciler.backends.flyte1.secret.observe import observe
from reconciler.backends.flyte1.secret.vault import Vault
from reconciler.backends.settings import DataPlane
from reconciler.engine.declaration import declare
from reconciler.engine.planning import resolve_offline
from reconciler.errors import ReconcilerError, UsageError
from reconciler.model.digest import digest
from reconciler.model.key import Key, Place
from reconciler.model.ledger import Held
from reconciler.model.live import Object, Query
from reconciler.model.secret import Content, Secret
from reconciler.model.traits import Verb
from reconciler.plan.plan import Action
from reconciler.resolve.resolve import Resolved

NOW = datetime(2026, 5, 1, tzinfo=UTC)
PLACE = Place("p", "d")


def resolved(root: Path, text: str, adapters: Mapping[str, Any] = ADAPTERS) -> Resolved:
    document = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSecret",
        "metadata": {"name": "a"},
        "spec": json.loads(text),
    }
    sync = {
        "apiVersion": "flyte.reconciler.dev/v1alpha1",
        "kind": "FlyteSync",
        "metadata": {"name": "team"},
        "spec": {
            "defaults": {"project": "p", "domain": "d"},
            "secrets": {"allow": {"env": ["PATH"]}},
        },
    }
    (root / "reconcile.yaml").write_text(json.dumps(sync), encoding="utf-8")
    (root / "a.json").write_text(json.dumps(document), encoding="utf-8")
    declaration = declare([str(root)], cwd=root)
    declaration.check()
    return resolve_offline(declaration, adapters, now=NOW, key=lambda: Secret("0123456789abcdef"))


SOURCE = '"valueFrom": {"env": "PATH"}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"name": "a", %s}', "spec.name: has no effect on Flyte 1, where secrets have a group"),
        ("{%s}", "spec: a secret of Flyte 1 has a group and a key; write spec.group and spec.key"),
        ('{"group": "Db", "key": "k", %s}', 'spec.group: "Db" is no name of a Kubernetes Secret'),
        ('{"group": "a_b", "key": "k", %s}', 'spec.group: "a_b" is no name of a Kubernetes Secret'),
        (
            '{"group": "db", "key": "k", "scope": {"domain": "d"}, %s}',
            "spec.scope: a secret of Flyte 1 is of one project and one domain",
        ),
        (
            '{"group": "db", "key": "k", "scope": {}, %s}',
            "spec.scope: a secret of Flyte 1 is of one project and one domain",
        ),
        (
            '{"group": "db", "key": "k", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}',
            "spec.valueFrom: a Kubernetes Secret is read by the operator only",
        ),
    ],
)
def test_what_flyte_1_has_no_place_for_is_said(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = resolved(tmp_path, text.replace("%s", SOURCE)).errors
    assert expected in str(problem)


def test_without_a_cluster_the_document_says_what_to_write(tmp_path: Path) -> None:
    text = f'{{"group": "db", "key": "k", {SOURCE}}}'
    (problem,) = resolved(tmp_path, text, WITHOUT_CLUSTER).errors
    assert "no cluster is known for the secrets of this Flyte 1" in str(problem)
    assert "; write secrets.kubeconfig in the FlyteConnection" in str(problem)
    assert "a.json:1:" in str(problem)


@pytest.mark.parametrize(
    ("more", "token"),
    [("", ""), ('"revision": "7",', "revision 7"), ('"rotate": "Never",', spec.NEVER)],
)
def test_no_hash_of_a_value_is_in_a_plan(tmp_path: Path, more: str, token: str) -> None:
    found = resolved(tmp_path, f'{{"group": "db", "key": "k", {more} {SOURCE}}}')
    (resource,) = found.desired.resources.values()
    assert str(resource.key) == "FlyteSecret/p/d/db/k"
    assert Key.parse(str(resource.key)) == resource.key
    assert resource.body == {"token": token}
    assert found.contents[resource.key].set_name == "team"


def test_keys_of_a_group_are_written_together() -> None:
    def name(path: str, domain: str = "d") -> str:
        return SECRET_TRAITS.together(Key("FlyteSecret", "p", domain, path))

    assert name("db/a") == name("db/b")
    assert len({name("db/a"), name("db2/a"), name("db/a", "e")}) == 3


def _kept(data: Mapping[str, str], *fields: dict[str, Any], **metadata: Any) -> Kept:
    entries = [
        {"manager": "flyte-reconciler", "operation": "Apply", "time": "t", "fieldsV1": item}
        if index == 0
        else {"manager": "kubectl-edit", "operation": "Update", "time": "t", "fieldsV1": item}
        for index, item in enumerate(fields)
    ]
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return Kept(
        {
            "metadata": {
                "uid": "u",
                "resourceVersion": "7",
                "managedFields": entries,
                **metadata,
            },
            "data": encoded,
        }
    )


def test_revision_of_a_key_moves_with_its_own_value_alone() -> None:
    ours = {"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:x": {}}}}
    theirs = {"f:data": {"f:b": {}}}
    kept = _kept({"a": "1", "b": "2"}, ours, theirs, labels={"x": "1", "y": "2"})

    assert (kept.revision("a"), kept.revision("b"), kept.revision("c")) == ("u/applied", "u/7", "")
    assert (kept.changed("a"), kept.changed("b")) == ("", "kubectl-edit at t")
    assert kept.applied == {"a"}
    assert kept.applied_labels == {"x": "1"}
    edited = _kept({"a": "1"}, {}, {"f:data": {"f:a": {}}})
    assert edited.revision("a") == "u/7"
    assert ABSENT.revision("a") == ""


def test_values_are_compared_and_not_shown() -> None:
    kept = _kept({"a": "value"})
    assert kept.holds("a", Secret(b"value"))
    assert not kept.holds("a", Secret(b"other"))
    assert not Kept({"data": {"a": "%"}}).holds("a", Secret(b"other"))
    assert "dmFsdWU" not in repr(kept)
    assert kept.encoded("a").reveal() == "dmFsdWU="


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (Held("u/applied", digest({"token": "ciphertext c"})), True),
        (Held("u/applied", digest({"token": "ciphertext b"})), False),
        (Held("u/6", digest({"token": "ciphertext c"})), False),
        (None, False),
    ],
)
async def test_value_that_cannot_be_opened_is_known_by_its_ciphertext(
    held: Held | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan needs no key: what we wrote from the same ciphertext is there still."""

    def closed() -> Secret[bytes]:
        raise UsageError("age cannot open it")

    vault = Vault(DataPlane())
    key = Key("FlyteSecret", "p", "d", "db/a")
    vault.contents[key] = Content("ciphertext c", closed)
    kept = _kept({"a": "value"}, {"f:data": {"f:a": {}}})

    async def read_many(_vault: Vault, _place: Place, groups: set[str]) -> dict[str, Kept]:
        assert groups == {"db"}
        return {"db": kept}

    monkeypatch.setattr(Vault, "read_many", read_many)
    body = {"token": "ciphertext c"}

    live = await observe(vault, Query(objects={key: held}, expected={key: body}))

    found = live.objects[key]
    assert isinstance(found, Object)
    assert (found.body == body) is expected
    assert found.revision == "u/applied"


async def test_one_failure_reaches_all_that_are_written_with_it() -> None:
    """A cluster that is not to be had is an error of each key, and nobody waits for ever."""
    vault = Vault(DataPlane())
    writer = Writer(vault)
    body = {"token": ""}
    actions = [
        Action(
            id=name,
            key=Key("FlyteSecret", "p", "d", f"db/{name}"),
            verb=verb,
            call="x",
            body=body,
            revision="r",
        )
        for name, verb in (("a", Verb.DEPLOY), ("b", Verb.DEPLOY), ("c", Verb.DELETE))
    ]
    vault.contents[actions[0].key] = Content("", lambda: Secret(b"x"))

    found = await asyncio.wait_for(
        asyncio.gather(*(writer.perform(item) for item in actions), return_exceptions=True), 10
    )

    assert [isinstance(item, ReconcilerError) for item in found] == [True, True, True]
    assert "no cluster is known" in str(found[0])
    assert "not the one that was planned" in str(found[1])
    assert "no cluster is known" in str(found[2])


def test_namespace_follows_the_template() -> None:
    assert Vault(DataPlane()).namespace(PLACE) == "p-d"
    assert Vault(DataPlane(namespace="flyte-{domain}")).namespace(PLACE) == "flyte-d"
    assert Vault(DataPlane()).path(PLACE, "db") == "/api/v1/namespaces/p-d/secrets/db"


def test_connection_names_the_cluster_of_the_tasks(tmp_path: Path) -> None:
    def read(**secrets: Any) -> DataPlane:
        return settings_of.data_plane(secrets, base=tmp_path, chosen_by="test")

    assert not read().is_known
    plane = read(kubeconfig="kube", context="data", namespace="n-{domain}")
    assert plane.kubeconfig == secret.FromFile(tmp_path / "kube")
    assert (plane.context, plane.namespace, plane.is_known) == ("data", "n-{domain}", True)
    named = read(kubeconfigSecretKeyRef={"name": "a", "key": "b"})
    assert named.kubeconfig == secret.FromKubernetes("a", "b")


async def test_kubeconfig_in_a_secret_is_the_operators() -> None:
    vault = Vault(DataPlane(kubeconfig=secret.FromKubernetes("a", "b")))
    with pytest.raises(UsageError, match=r"kubeconfigSecretKeyRef: .* is read by the operator"):
        await vault.cluster()
