"""What a repository would be like once a pull request was merged; nothing is pushed or applied."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.git.faults import Fault, SourceError
from reconciler.git.job import Job
from reconciler.git.source import Found, reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """A pull request at a commit: what it goes into, and the folder after a merge."""

    head: str
    base: Found
    tree: str


def merge(job: Job, base: Found, ref: str) -> Merged:
    """Fetch a pull request by its reference on the server, and merge it in the mirror.

    Blocks on the network. Raises SourceError where it cannot be merged.
    """
    mirror = job.mirror
    with mirror.alone():
        mirror.fetch(ref)
        head = mirror.commit(ref)
        if not head:
            raise SourceError(Fault.REF, f"git: {ref} leads to no commit")
        own = reference(job.wanted, base)
        if not mirror.merge_base(base.commit, head):
            mirror.deepen(*own, ref)
        whole = mirror.merge(base.commit, head)
        if not whole:
            raise SourceError(
                Fault.TREE,
                f"commit {head[:12]} cannot be merged into {base.name} at {base.commit[:12]}; "
                "rebase it",
            )
        tree = mirror.tree(whole, job.wanted.path)
    if not tree:
        raise SourceError(
            Fault.FOLDER, f"git.path: {job.wanted.path} is no folder of commit {head[:12]}"
        )
    return Merged(head=head, base=base, tree=tree)
