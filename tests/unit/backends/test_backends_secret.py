"""A secret shows itself nowhere, and references say where they look."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import asdict
from pathlib import Path

import pytest

from reconciler import errors
from reconciler.backends.auth import secret
from reconciler.backends.settings import Auth, AuthMode, Settings

CANARY = "canary-2b9c-value"


def test_secret_is_masked_wherever_text_is_made_of_it() -> None:
    value = secret.Secret(CANARY)
    given = secret.Given(value, "somewhere")
    settings = Settings("h:1", "test", auth=Auth(mode=AuthMode.TOKEN, token=given))
    texts = [
        repr(value),
        str(value),
        f"{value}",
        f"{value!r:>20}",
        f"{given} {given!r}",
        repr(settings),
        json.dumps(settings.describe()),
        json.dumps(asdict(settings), default=str),
        repr(copy.deepcopy(value)),
    ]

    assert not [text for text in texts if CANARY in text]
    assert value.reveal() == CANARY


def test_secret_refuses_json_and_pickle() -> None:
    with pytest.raises(TypeError):
        json.dumps(secret.Secret(CANARY))
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret.Secret(CANARY))


def test_secrets_compare_by_value() -> None:
    assert secret.Secret("a") == secret.Secret("a")
    assert secret.Secret("a") != secret.Secret("b")
    assert secret.Secret("a") != "a"


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_line_break_that_ends_a_file_is_not_part_of_the_secret(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(f"{CANARY} {ending}".encode())

    found = secret.resolve(secret.FromFile(path), purpose="auth.token")

    assert found.reveal() == f"{CANARY} "


def test_variable_is_read_when_asked_and_not_before(monkeypatch: pytest.MonkeyPatch) -> None:
    reference = secret.FromEnv("RECONCILER_TEST_SECRET")
    monkeypatch.setenv("RECONCILER_TEST_SECRET", CANARY)

    assert secret.resolve(reference, purpose="auth.token").reveal() == CANARY


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (
            secret.FromEnv("NOT_SET_ANYWHERE"),
            "auth.token: environment variable NOT_SET_ANYWHERE: is not set; export it",
        ),
        (
            secret.FromKubernetes("flyte", "token"),
            "auth.token: Kubernetes Secret flyte, key token: is read by the operator only",
        ),
        (secret.FromFile(Path("/no/such/file")), "auth.token: file /no/such/file: cannot be read"),
    ],
    ids=["variable", "kubernetes", "file"],
)
def test_reference_that_leads_nowhere_says_what_to_do(
    reference: secret.Reference, message: str
) -> None:
    with pytest.raises(errors.UsageError) as caught:
        secret.resolve(reference, purpose="auth.token")

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"canary\nsecond line", b"canary\x00", b"\xff\xfe\x00", "kanärie".encode()],
    ids=["empty", "only-a-line-break", "two-lines", "nul", "binary", "not-ascii"],
)
def test_file_that_holds_no_usable_secret_is_refused_without_showing_it(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(errors.UsageError) as caught:
        secret.resolve(secret.FromFile(path), purpose="auth.token")

    assert "canary" not in str(caught.value)
