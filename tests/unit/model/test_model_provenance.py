"""Links to where a version is declared."""

from __future__ import annotations

import pytest

from reconciler.model.origin import Origin
from reconciler.model.provenance import Provenance

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def known(repository: str = "github.com/org/repo", cwd: str = "/srv/repo") -> Provenance:
    files = frozenset({"specs/etl.yaml", "../repo/a b#.yaml", "/elsewhere/etl.yaml"})
    return Provenance(repository=repository, commit=COMMIT, top="/srv/repo", cwd=cwd, files=files)


@pytest.mark.parametrize(
    ("repository", "page"),
    [
        ("github.com/org/repo", "https://github.com/org/repo/blob"),
        ("git.example.com/org/repo", "https://git.example.com/org/repo/blob"),
        ("gitlab.example.com/group/sub/repo", "https://gitlab.example.com/group/sub/repo/-/blob"),
        ("codeberg.org/org/repo", "https://codeberg.org/org/repo/src/commit"),
        ("bitbucket.org/org/repo", "https://bitbucket.org/org/repo/src"),
        ("git:" + "f" * 40, "git:" + "f" * 40 + "/blob"),
    ],
)
def test_link_names_repository_commit_path_and_line(repository: str, page: str) -> None:
    found = known(repository).link(Origin("specs/etl.yaml", 7, 3))
    assert found == f"{page}/{COMMIT}/specs/etl.yaml#L7"


def test_paths_are_told_from_the_top_of_the_repository() -> None:
    assert (
        known(cwd="/srv/repo/deploy")
        .link(Origin("specs/etl.yaml"))
        .endswith(f"{COMMIT}/deploy/specs/etl.yaml")
    )
    assert (
        known(cwd="/srv/other")
        .link(Origin("../repo/a b#.yaml", 1))
        .endswith(f"{COMMIT}/a%20b%23.yaml#L1")
    )


@pytest.mark.parametrize("file", ["specs/new.yaml", "/elsewhere/etl.yaml", "-"])
def test_what_the_commit_does_not_have_has_no_link(file: str) -> None:
    assert known().link(Origin(file, 1, 1)) == ""
