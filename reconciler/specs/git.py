"""`git` of a FlyteSync: which repository, which commit of it, and whose signature it must have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints
from pydantic_core import PydanticCustomError

from reconciler.specs.fields import (
    COMMIT,
    GIT_URL,
    REF,
    REPOSITORY,
    REPOSITORY_PATH,
    VERSIONS,
    Choice,
    Many,
    ObjectName,
    Text,
    VariableName,
    WebAddress,
)
from reconciler.specs.shape import Given, Shape, fault, map_of, text_of

CREDENTIALS = re.compile("^((https|http|git)://[^/]*@|ssh://[^/@]*:[^/@]*@)")
"""What no address may begin with."""

Commit = Annotated[str, StringConstraints(pattern=COMMIT)]
RefName = Annotated[str, StringConstraints(pattern=REF, max_length=200)]


class Bundle(Shape):
    """Several secret values by their names, such as username and password; never the values."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("name", "directory", "env"),)

    name: ObjectName | None = None
    """A Kubernetes Secret in the same namespace, for the operator; its keys are the names."""

    directory: Text | None = None
    """A folder of files that are called as the values are, for `serve`."""

    env: VariableName | None = None
    """What variables begin with, for `serve`: X_PASSWORD, X_KNOWN_HOSTS, X_CA_CRT with X here."""


class GitRef(Shape):
    """What is followed; without any of them the default branch."""

    at_most_one: ClassVar[tuple[tuple[str, ...], ...]] = (("branch", "tag", "semver", "commit"),)

    branch: RefName | None = None
    """A branch; its last commit is applied."""

    tag: RefName | None = None
    """A tag."""

    semver: Annotated[str, StringConstraints(pattern=VERSIONS, max_length=100)] | None = None
    """A range of versions, such as ">=1.2 <2"; the newest tag in it is applied."""

    commit: Commit | None = None
    """A commit by its whole hash; it is applied whatever was applied before."""


class SignedPart(StrEnum):
    """What has to be signed."""

    HEAD = "Head"
    TAG = "Tag"
    TAG_AND_HEAD = "TagAndHead"


class GitVerify(Shape):
    """Whose signature is asked for; nothing else is applied."""

    mode: Choice[SignedPart] = SignedPart.HEAD
    """Head (the commit), Tag (the tag that leads to it) or TagAndHead (both)."""

    secret_ref: Bundle
    """The keys: `allowed_signers` in the form of OpenSSH, public GPG keys as `NAME.asc`."""


class ForgeName(StrEnum):
    """The forges that are known."""

    GITHUB = "GitHub"
    GITLAB = "GitLab"
    GITEA = "Gitea"
    BITBUCKET = "Bitbucket"
    GENERIC = "Generic"


class GitWebhook(Shape):
    """Who may say that there is something new; the interval holds besides."""

    forge: Choice[ForgeName]
    """GitHub, GitLab, Gitea, Bitbucket, or Generic (`X-Reconcile-Signature`)."""

    secret_ref: Bundle
    """The secret that the forge signs with, as `secret`; one a line while it is exchanged."""


class GitPullRequests(Shape):
    """Plans as a comment and a status, for each push to a pull request; needs a webhook.

    They are made again when the folder that they go into has changed.
    """

    api: WebAddress | None = None
    """The address of the forge's API; default: that of the repository's own host."""

    repository: Annotated[str, StringConstraints(pattern=REPOSITORY, max_length=200)]
    """The repository as the forge calls it, such as team/specs."""

    secret_ref: Bundle
    """What may see pull requests, and write comments and statuses, as `token`."""

    forks: bool = False
    """Plan pull requests from forks too; anybody can then see what is live, as far as a plan tells.

    Their content is data like that of any other: nothing of it runs.
    """


class GitSpec(Shape):
    """A repository that is synced, and the folder of it that holds the set."""

    url: Annotated[str, StringConstraints(pattern=GIT_URL, max_length=2000)]
    """Its address by https or ssh, without credentials."""

    ref: GitRef = GitRef()
    """What is followed."""

    path: Annotated[str, StringConstraints(pattern=REPOSITORY_PATH, max_length=1000)] | None = None
    """The folder that is read, with all below it; `paths` of the FlyteSync are relative to it."""

    secret_ref: Bundle | None = None
    """How the server knows us: `username` and `password`, or `identity` and `known_hosts`.

    With `ca.crt` where the server's certificate is one's own.
    """

    verify: GitVerify | None = None
    """Whose signature is asked for; default: nobody's."""

    reset_to: Commit | None = None
    """A commit of the history of `ref` to apply and to stay at, although a later one was applied.

    It is also how a rewritten branch is accepted; remove it to follow `ref` again.
    """

    webhook: GitWebhook | None = None
    """Who may say that there is something new."""

    pull_requests: GitPullRequests | None = None
    """Plans for pull requests."""

    @classmethod
    def faults(cls, given: Given) -> Iterator[PydanticCustomError]:
        """Check what only fits together in some ways."""
        if CREDENTIALS.search(text_of(given, "url") or ""):
            # Said without the address, since messages are kept where credentials must not be.
            yield fault("holds credentials", at=("url",), fix="take them out; write secretRef")
        path = text_of(given, "path")
        if path is not None and {".", "..", ".git"}.intersection(path.split("/")):
            why = f'"{path}" is no folder of a repository'
            yield fault(why, at=("path",), fix="write it without `.` and `..`", is_in_value=True)
        ref, mode = map_of(given, "ref"), text_of(map_of(given, "verify"), "mode")
        if mode in {"Tag", "TagAndHead"} and not {"tag", "semver"}.intersection(ref):
            why = f"mode {mode} needs a tag"
            yield fault(why, at=("verify", "mode"), fix="write ref.tag or ref.semver")
        if mode in {"Tag", "TagAndHead"} and "resetTo" in given:
            why = f"is reached by no tag, which verify.mode {mode} asks for"
            yield fault(why, at=("resetTo",), fix="write ref.tag instead")
        if "commit" in ref and "resetTo" in given:
            why = "excludes ref.commit, which is given too"
            yield fault(why, at=("resetTo",), fix="keep one of the two")
        forge = text_of(map_of(given, "webhook"), "forge")
        if "pullRequests" in given and forge not in {"GitHub", "GitLab", "Gitea"}:
            why = "needs a webhook of GitHub, GitLab or Gitea"
            yield fault(why, at=("pullRequests",), fix="write webhook, or remove it")


Dependencies = Annotated[Many[ObjectName], Field(max_length=20)]
"""Names of FlyteSyncs."""
