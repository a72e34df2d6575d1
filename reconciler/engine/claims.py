"""Who may write a set: one source, and commits that follow the last one applied."""

from __future__ import annotations

import secrets

from reconciler.engine.declaration import Declaration
from reconciler.errors import RefusedError
from reconciler.model.ledger import Claim, Ledger
from reconciler.sources import git


def check(declaration: Declaration, ledger: Ledger, take_over: str, reset_to: str) -> None:
    """Refuse a second source, and a commit that does not follow the last applied one.

    Raises RefusedError; a flag that names the other source, or the commit, lets it pass.
    """
    claim = ledger.claim
    name = declaration.set_name
    if ledger.renamed_to:
        raise RefusedError(
            f"set {name}: was renamed to {ledger.renamed_to}; use that name, or another one"
        )
    if claim is None or not declaration.has_sync:
        return
    if claim.source not in {declaration.source, take_over}:
        raise RefusedError(
            f"set {name}: is claimed by {claim.source}, and this is {declaration.source}; "
            f"rename one of the two, or take it over with `--take-over {claim.source}`"
        )
    if claim.source != declaration.source:
        # The commits of another source say nothing about the order of ours.
        return
    if not claim.commit or declaration.commit in {"", claim.commit}:
        return
    where, is_bare = declaration.repository or declaration.base, declaration.repository is not None
    follows = git.is_ancestor(where, claim.commit, declaration.commit, is_bare=is_bare)
    if follows:
        return
    if reset_to and declaration.commit.startswith(reset_to):
        return
    if follows is None:
        wrong = "this checkout cannot tell whether commit {} follows {}"
        fix = "fetch the whole history (a shallow clone has none)"
    else:
        wrong, fix = "commit {} does not follow {}", "update the checkout"
    raise RefusedError(
        f"set {name}: {wrong.format(declaration.commit[:12], claim.commit[:12])}, which was "
        f"applied last; {fix}, or apply it on purpose with `--reset-to {declaration.commit[:12]}`"
    )


def renewed(declaration: Declaration, ledger: Ledger) -> Claim:
    """Make the claim that an apply writes; the random id stays with the source."""
    claim = ledger.claim
    same = claim is not None and claim.source == declaration.source
    identifier = claim.id if claim and same else secrets.token_hex(8)
    return Claim(identifier, declaration.source, declaration.commit)
