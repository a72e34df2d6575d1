"""What many documents have alike is said once: of the first, with the others beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from reconciler.model.origin import Origin, Problem, Severity


@dataclass(slots=True)
class Alike:
    """Gathers problems document by document; warnings that say the same of a field become one.

    Errors stay one by one: each of them must be corrected. No place of a warning is looked up here,
    which would read a shelved document anew.
    """

    _errors: list[Problem] = field(default_factory=list)
    _warnings: dict[tuple[str, str, str], tuple[Problem, list[Origin]]] = field(
        default_factory=dict
    )

    def add(self, document: Origin, problems: Iterable[Problem]) -> None:
        """Take the problems of one document, named by where it begins."""
        for problem in problems:
            if problem.severity is Severity.ERROR:
                self._errors.append(problem)
                continue
            said = (problem.path, problem.message, problem.fix)
            _, documents = self._warnings.setdefault(said, (problem, []))
            if not documents or documents[-1] is not document:
                documents.append(document)

    def all(self) -> Iterator[Problem]:
        """Yield errors as they came, then each warning once."""
        yield from self._errors
        for first, documents in self._warnings.values():
            yield replace(first, others=tuple(documents[1:]))
