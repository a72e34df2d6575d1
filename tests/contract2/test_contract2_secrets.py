"""Secrets of Flyte 2: scopes, what is shown of them, what Kubernetes refuses.

A domain of the test's own stands for a scope, since nobody checks that it exists.
"""

from __future__ import annotations

import pytest
from flyte2_client import Client
from flyteidl2.secret import definition_pb2
from flyteidl2.secret import payload_pb2 as wire


def identifier(owner: str, name: str = "token", **rest: str) -> definition_pb2.SecretIdentifier:
    rest.setdefault("domain", owner)
    return definition_pb2.SecretIdentifier(name=name, **rest)


def create(owner: str, name: str = "token", **rest: str) -> wire.CreateSecretRequest:
    return wire.CreateSecretRequest(
        id=identifier(owner, name, **rest),
        secret_spec=definition_pb2.SecretSpec(string_value="hidden"),
    )


def update(owner: str, name: str = "token") -> wire.UpdateSecretRequest:
    spec = definition_pb2.SecretSpec(binary_value=b"other")
    return wire.UpdateSecretRequest(id=identifier(owner, name), secret_spec=spec)


async def fetch(flyte2: Client, owner: str, name: str = "token") -> definition_pb2.Secret:
    request = wire.GetSecretRequest(id=identifier(owner, name))
    return (await flyte2.ok("GetSecret", request)).secret


async def listed(flyte2: Client, **rest: object) -> set[tuple[str, str]]:
    answer = await flyte2.ok("ListSecrets", wire.ListSecretsRequest(**rest))
    return {(one.id.project, one.id.name) for one in answer.secrets}


async def test_t32_secret_shows_no_value_and_no_update(flyte2: Client) -> None:
    owner = flyte2.project
    await flyte2.ok("CreateSecret", create(owner))
    before = await fetch(flyte2, owner)
    metadata = before.secret_metadata
    assert metadata.secret_status.overall_status == definition_pb2.FULLY_PRESENT
    assert [one.presence_status for one in metadata.secret_status.cluster_status] == [
        definition_pb2.PRESENT
    ]
    await flyte2.ok("UpdateSecret", update(owner))
    assert await fetch(flyte2, owner) == before
    assert metadata.created_time.nanos == 0


async def test_type_of_a_secret_is_not_kept(flyte2: Client) -> None:
    request = create(flyte2.project)
    request.secret_spec.type = definition_pb2.SECRET_TYPE_IMAGE_PULL_SECRET
    await flyte2.ok("CreateSecret", request)
    found = await fetch(flyte2, flyte2.project)
    assert found.secret_metadata.type == definition_pb2.SECRET_TYPE_GENERIC


async def test_identifier_of_a_read_secret_is_the_one_sent(flyte2: Client) -> None:
    owner = flyte2.project
    await flyte2.ok("CreateSecret", create(owner))
    request = wire.GetSecretRequest(id=identifier(owner, organization="acme"))
    assert (await flyte2.ok("GetSecret", request)).secret.id.organization == "acme"
    answer = await flyte2.ok("ListSecrets", wire.ListSecretsRequest(domain=owner))
    assert [one.id for one in answer.secrets] == [identifier(owner)]


async def test_created_secret_cannot_be_created_again(flyte2: Client) -> None:
    await flyte2.ok("CreateSecret", create(flyte2.project))
    refusal = await flyte2.refused("CreateSecret", create(flyte2.project))
    assert refusal.code == "ALREADY_EXISTS"
    assert refusal.text.endswith('" already exists')


async def test_unknown_secret_is_not_found(flyte2: Client) -> None:
    for method, request in (
        ("GetSecret", wire.GetSecretRequest(id=identifier(flyte2.project))),
        ("UpdateSecret", update(flyte2.project)),
        ("DeleteSecret", wire.DeleteSecretRequest(id=identifier(flyte2.project))),
    ):
        refusal = await flyte2.refused(method, request)
        assert (refusal.code, refusal.text) == ("NOT_FOUND", "secret token not found")


async def test_deleted_secret_is_gone(flyte2: Client) -> None:
    owner = flyte2.project
    await flyte2.ok("CreateSecret", create(owner))
    await flyte2.ok("DeleteSecret", wire.DeleteSecretRequest(id=identifier(owner)))
    assert await listed(flyte2, domain=owner) == set()
    await flyte2.ok("CreateSecret", create(owner))


async def test_secret_needs_a_value(flyte2: Client) -> None:
    request = create(flyte2.project)
    request.ClearField("secret_spec")
    refusal = await flyte2.refused("CreateSecret", request)
    assert refusal.code == "INVALID_ARGUMENT"
    assert refusal.text == "string or binary value expected, got <nil>"
    await flyte2.ok("CreateSecret", create(flyte2.project))
    change = wire.UpdateSecretRequest(id=identifier(flyte2.project))
    assert (await flyte2.refused("UpdateSecret", change)).code == "INVALID_ARGUMENT"


async def test_value_of_a_secret_may_be_empty(flyte2: Client) -> None:
    request = create(flyte2.project)
    request.secret_spec.string_value = ""
    await flyte2.ok("CreateSecret", request)


async def test_secret_of_a_project_needs_a_domain(flyte2: Client) -> None:
    name = identifier(flyte2.project, domain="", project="p")
    spec = definition_pb2.SecretSpec(string_value="hidden")
    text = 'project-scoped secrets must also specify a domain, got project="p" domain=""'
    for method, request in (
        ("CreateSecret", wire.CreateSecretRequest(id=name, secret_spec=spec)),
        ("UpdateSecret", wire.UpdateSecretRequest(id=name, secret_spec=spec)),
        ("GetSecret", wire.GetSecretRequest(id=name)),
        ("DeleteSecret", wire.DeleteSecretRequest(id=name)),
        ("ListSecrets", wire.ListSecretsRequest(project="p")),
    ):
        refusal = await flyte2.refused(method, request)
        assert (refusal.code, refusal.text) == ("INVALID_ARGUMENT", text)


async def test_domain_includes_its_projects(flyte2: Client) -> None:
    owner = flyte2.project
    await flyte2.ok("CreateSecret", create(owner))
    await flyte2.ok("CreateSecret", create(owner, project="p"))
    await flyte2.ok("CreateSecret", create(owner, project="q"))
    assert await listed(flyte2, domain=owner) == {("", "token"), ("p", "token"), ("q", "token")}
    assert await listed(flyte2, domain=owner, project="p") == {("p", "token")}


async def test_global_secret_is_in_the_list_of_everything(flyte2: Client) -> None:
    flyte2.do_not_record()  # the list is everybody's
    name = flyte2.project
    await flyte2.ok("CreateSecret", create(flyte2.project, name, domain=""))
    assert ("", name) in await listed(flyte2)
    assert await listed(flyte2, domain=flyte2.project) == set()
    gone = wire.DeleteSecretRequest(id=identifier(flyte2.project, name, domain=""))
    await flyte2.ok("DeleteSecret", gone)


async def test_secrets_are_listed_in_pages(flyte2: Client) -> None:
    flyte2.do_not_record()  # tokens are opaque, and each server's own
    owner = flyte2.project
    for name in ("a", "b", "c"):
        await flyte2.ok("CreateSecret", create(owner, name))
    seen: list[str] = []
    token, pages = "", 0
    while pages == 0 or token:
        request = wire.ListSecretsRequest(domain=owner, limit=2, token=token)
        answer = await flyte2.ok("ListSecrets", request)
        assert len(answer.secrets) <= 2
        seen += [one.id.name for one in answer.secrets]
        token, pages = answer.token, pages + 1
    assert sorted(seen) == ["a", "b", "c"]


async def test_last_page_of_secrets_may_be_followed_by_a_token(flyte2: Client) -> None:
    flyte2.do_not_record()  # which object comes last is chance
    owner = flyte2.project
    tokens = []
    for domain in (owner, f"{owner}-b"):
        await flyte2.ok("CreateSecret", create(owner, domain=domain))
        answer = await flyte2.ok("ListSecrets", wire.ListSecretsRequest(domain=domain, limit=1))
        tokens.append(answer.token)
    for domain in (owner, f"{owner}-b"):
        answer = await flyte2.ok("ListSecrets", wire.ListSecretsRequest(domain=domain, limit=1))
        tokens.append(answer.token)
    assert any(tokens)


async def test_token_of_secrets_that_nobody_gave_is_an_internal_error(flyte2: Client) -> None:
    request = wire.ListSecretsRequest(domain=flyte2.project, limit=1, token="x")
    refusal = await flyte2.refused("ListSecrets", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith("invalid continue token: continue key is not valid")


@pytest.mark.parametrize(
    ("name", "domain", "reason"),
    [
        pytest.param("a b", "", "a valid config key must consist of", id="name"),
        pytest.param("n" * 240, "", "must be no more than 253 characters", id="long_name"),
        pytest.param("token", " x", "a valid label must be", id="domain"),
        pytest.param("token", "d" * 60, "must be no more than 63 characters", id="long_domain"),
    ],
)
async def test_what_kubernetes_refuses_is_an_internal_error(
    flyte2: Client, name: str, domain: str, reason: str
) -> None:
    request = create(flyte2.project, name, domain=flyte2.project + domain)
    refusal = await flyte2.refused("CreateSecret", request)
    assert refusal.code == "INTERNAL"
    assert refusal.text.startswith('Secret "')
    assert reason in refusal.text


async def test_value_of_a_secret_has_at_most_a_mebibyte(flyte2: Client) -> None:
    flyte2.do_not_record()  # too much for a recording
    request = create(flyte2.project)
    request.secret_spec.binary_value = b"x" * 2**20
    await flyte2.ok("CreateSecret", request)
    change = update(flyte2.project)
    change.secret_spec.binary_value = b"x" * (2**20 + 1)
    refusal = await flyte2.refused("UpdateSecret", change)
    assert refusal.code == "INTERNAL"
    assert "Too long" in refusal.text


async def test_secret_of_an_odd_domain_is_missing_in_lists(flyte2: Client) -> None:
    domain = f"{flyte2.project}__x"
    await flyte2.ok("CreateSecret", create(flyte2.project, domain=domain))
    assert await listed(flyte2, domain=domain) == set()
    request = wire.GetSecretRequest(id=identifier(flyte2.project, domain=domain))
    assert (await flyte2.ok("GetSecret", request)).secret.id.domain == domain


async def test_underscores_in_names_are_kept(flyte2: Client) -> None:
    for name in ("a__b", "_a"):
        await flyte2.ok("CreateSecret", create(flyte2.project, name))
    assert await listed(flyte2, domain=flyte2.project) == {("", "a__b"), ("", "_a")}


async def test_list_of_a_scope_that_is_no_label_is_an_internal_error(flyte2: Client) -> None:
    request = wire.ListSecretsRequest(domain="a b")
    assert (await flyte2.refused("ListSecrets", request)).code == "INTERNAL"
