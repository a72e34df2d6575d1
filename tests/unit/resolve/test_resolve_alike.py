"""A warning that many documents have is said once, and finds the places without reading anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.backends.flyte1.adapters import ADAPTERS as FLYTE1
from reconciler.backends.flyte2.adapters import ADAPTERS as FLYTE2
from reconciler.cli.main import main
from reconciler.engine.declaration import declare
from reconciler.engine.planning import resolve_offline
from reconciler.model.document import Content, Document
from reconciler.model.interface import Task, Want
from reconciler.model.origin import Origin
from reconciler.resolve.context import Context
from reconciler.resolve.resolve import Resolved, resolve
from reconciler.sources import yaml
from reconciler.specs.validate import validate

NOW = datetime(2026, 5, 1, tzinfo=UTC)
TASK = Task(project="p", domain="d", name="etl", version="v1", inputs={}, sdk="2.12.1")
INERT = "is stored, and the open-source Flyte 2 does not act on it"
FIX = "leave it out, unless your Flyte 2 is another one"


def document(kind: str, name: str, spec: str) -> str:
    """One document of six lines: the first field of its spec is in the fourth."""
    head = f"apiVersion: flyte.reconciler.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
    return f"{head}spec: {{project: p, domain: d,\n  {spec}}}\n---\n"


def trigger(name: str, run: str) -> str:
    return document("FlyteTrigger", name, f"task: {{name: etl, version: v1}}, run: {{{run}}}")


def plan(name: str, cron: str) -> str:
    return document(
        "FlyteLaunchPlan",
        name,
        f'workflow: {{name: w, version: v1}}, schedule: {{cron: "{cron}"}}',
    )


def parsed(*files: str) -> list[Document]:
    """Read files of some text by the names 0.yaml, 1.yaml, ..."""
    return [
        one
        for number, text in enumerate(files)
        for one in yaml.parse(text.encode(), file=f"{number}.yaml")[0]
    ]


def triggers(documents: Sequence[Document]) -> Resolved:
    """Resolve triggers of a task that is known."""
    catalog = {Want("p", "d", "etl", version="v1"): TASK}
    found = validate(documents)
    assert not found.problems, found.problems
    return resolve(found.declared, FLYTE2, Context(set_name="team", now=NOW, catalog=catalog))


def test_inert_field_of_many_triggers_is_one_warning_at_the_first() -> None:
    both = trigger("a", "queue: q") + trigger("b", "queue: other, serviceAccount: s")
    found = triggers(parsed(both, trigger("c", "queue: q"), trigger("d", "serviceAccount: s")))

    said = f"{INERT}; {FIX}"
    assert [str(item) for item in found.warnings] == [
        f"0.yaml:5:41: warning: spec.run.queue: {said} (the first of 3 documents)",
        f"0.yaml:11:55: warning: spec.run.serviceAccount: {said} (the first of 2 documents)",
    ]
    assert [item.others for item in found.warnings] == [
        (Origin("0.yaml", 7, 1), Origin("1.yaml", 1, 1)),
        (Origin("2.yaml", 1, 1),),
    ]
    assert len(found.desired.resources) == 4


def test_warning_of_one_document_is_not_counted() -> None:
    (warning,) = triggers(parsed(trigger("a", "queue: q"))).warnings
    assert str(warning) == f"0.yaml:5:41: warning: spec.run.queue: {INERT}; {FIX}"
    assert not warning.others


def test_what_is_said_differently_of_a_field_stays_apart(tmp_path: Path) -> None:
    crons = ("* * * * *", "* * * * *", "*/7 * * * *")
    text = "".join(plan(f"p{number}", cron) for number, cron in enumerate(crons))
    (tmp_path / "plans.yaml").write_text(text, encoding="utf-8")
    declaration = declare(["plans.yaml"], cwd=tmp_path)
    every, uneven = resolve_offline(declaration, FLYTE1, now=NOW).warnings

    assert (every.origin.line, every.others) == (5, (Origin("plans.yaml", 7, 1),))
    assert (uneven.origin.line, uneven.others) == (17, ())
    assert every.path == uneven.path == "spec.schedule.cron"


def test_errors_stay_one_by_one() -> None:
    unknown = document("FlyteTrigger", "a", "task: {name: other, version: v1}")
    twice = unknown + unknown.replace("name: a", "name: b")
    found = triggers(parsed(twice))
    assert [item.origin.line for item in found.errors] == [5, 11]


def test_only_documents_that_are_shown_are_read_anew() -> None:
    read: list[str] = []

    def shelved(one: Document) -> Document:
        content = one.content

        def again() -> Content:
            read.append(str(one.origin))
            return content

        return Document(content, one.origin, again=again)

    several = parsed(*(trigger(f"t{number}", "queue: q, serviceAccount: s") for number in range(9)))
    found = triggers([shelved(one) for one in several])
    assert set(read) == {"0.yaml:1:1"}
    assert [len(item.others) for item in found.warnings] == [8, 8]


def test_json_of_validate_names_every_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "".join(plan(f"p{number}", "* * * * *") for number in range(3))
    (tmp_path / "plans.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main(["validate", "plans.yaml", "-o", "json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert found["formatVersion"] == "1.2"
    (problem,) = found["problems"]
    assert (problem["file"], problem["line"], problem["severity"]) == ("plans.yaml", 5, "warning")
    assert problem["others"] == [
        {"file": "plans.yaml", "line": line, "column": 1} for line in (7, 13)
    ]
