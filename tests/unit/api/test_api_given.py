"""Inputs as people give them, read by the types that they are to have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_runs_kit import integers

from reconciler.api import given
from reconciler.errors import SpecError, UsageError
from reconciler.model.run import Values

INT, STR, BOOL = {"simple": "INTEGER"}, {"simple": "STRING"}, {"simple": "BOOLEAN"}
UNION = {"unionType": {"variants": [INT, STR]}}
COLOUR = {"enumType": {"values": ["on", "off"]}}


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("5", INT, 5),
        ("2026", STR, "2026"),
        ("null", STR, "null"),
        ("a: b #c", STR, "a: b #c"),
        ("", STR, ""),
        ("line\nline", STR, "line\nline"),
        ("true", BOOL, True),
        ("on", COLOUR, "on"),
        ("5", UNION, 5),
        ("five", UNION, "five"),
        ("2026-05-01T06:00:00Z", {"simple": "DATETIME"}, "2026-05-01T06:00:00Z"),
        ("1h30m", {"simple": "DURATION"}, "1h30m"),
        ("[1, 2]", {"collectionType": INT}, [1, 2]),
        ("{a: 1}", {"mapValueType": INT}, {"a": 1}),
        ("s3://b/f", {"blob": {}}, "s3://b/f"),
        ("x", INT, "x"),
        ("1.5", INT, 1.5),
    ],
)
def test_value_is_read_by_its_type(text: str, type_: Any, value: Any) -> None:
    found = given.value(text, type_)
    assert (found, type(found)) == (value, type(value))


def variables(**types: Any) -> dict[str, Any]:
    return {name: {"type": type_} for name, type_ in types.items()}


def test_command_line_goes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "in.yaml"
    file.write_text("rows: 1\nname: '7'\n")
    made = given.literals(["rows=2"], str(file), variables(rows=INT, name=STR))
    assert made == {
        "rows": {"scalar": {"primitive": {"integer": "2"}}},
        "name": {"scalar": {"primitive": {"stringValue": "7"}}},
    }


def test_every_fault_is_told_at_its_place(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.yaml").write_text("rows: x\n\nrow: 1\nname: 5\n")
    with pytest.raises(SpecError) as caught:
        given.literals(["day=5", "n=x"], "in.yaml", variables(rows=INT, name=STR, n=INT))
    assert sorted(map(str, caught.value.problems)) == [
        '--input day: the run has no input "day"; write one of "n", "name", "rows"',
        '--input n: expected int, found the text "x"',
        'in.yaml:1:7: rows: expected int, found the text "x"',
        'in.yaml:3:6: row: the run has no input "row"; did you mean "rows"?',
        "in.yaml:4:7: name: expected str, found the number 5; quote it",
    ]


@pytest.mark.parametrize("text", ["rows", "=5", ""])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not NAME=VALUE; write it so"):
        given.pairs([text])


def test_name_given_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="--input: a: is given twice; give it once"):
        given.pairs(["a=1", "a=2"])


def test_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--inputs: .*: No such file or directory; correct the"):
        given.literals([], str(tmp_path / "none.yaml"), {})
    two = tmp_path / "two.yaml"
    two.write_text("a: 1\n---\na: 2\n")
    with pytest.raises(UsageError, match="holds 2 documents; write one map"):
        given.literals([], str(two), {})
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [\n")
    with pytest.raises(SpecError):
        given.literals([], str(bad), {})


def test_values_of_a_run_tell_what_it_takes() -> None:
    values = Values(literals=integers(a=1, b=2).literals, types={"a": {"type": STR}, "c": BOOL})
    assert given.variables(values) == variables(a=STR, c=BOOL, b=INT)
    with pytest.raises(SpecError, match='inputs: b: expected int, found the text "x"'):
        given.bound({"b": "x"}, given.variables(values))
