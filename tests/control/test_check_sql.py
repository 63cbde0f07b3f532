"""What is wrong with a database's entry is said where it stands, before anything is connected."""

from pathlib import Path

import pytest

from narthex.control.load import Loaded, load
from narthex.control.problem import ConfigError, Problem


def loaded(folder: Path, *lines: str) -> Loaded:
    path = folder / "narthex.yaml"
    path.write_text("servers:\n  - name: shop\n" + "".join(f"    {line}\n" for line in lines), "utf-8")
    return load(path, {"WORD": "s3cret-word"})


def problem(folder: Path, *lines: str) -> Problem:
    with pytest.raises(ConfigError) as raised:
        loaded(folder, *lines)
    assert len(raised.value.problems) == 1, raised.value
    return raised.value.problems[0]


def test_a_file_stands_beside_the_configuration(tmp_path: Path) -> None:
    for written, meant in (
        ("sqlite:///data/shop.db", f"sqlite:///{tmp_path}/data/shop.db"),
        ("duckdb:////var/shop.duckdb", "duckdb:////var/shop.duckdb"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
    ):
        found = loaded(tmp_path, f"sql: {written}", "queries: {q: {sql: select 1, description: One}}").config

        assert found.servers[0].sql == meant


def test_a_statement_that_writes_is_shown_its_place(tmp_path: Path) -> None:
    found = problem(
        tmp_path, "sql: sqlite:///x", "queries:", "  good: {sql: select 1, description: One}",
        "  bad: {sql: delete from t, description: All}",
    )  # fmt: skip

    assert (found.line, found.what) == (6, "the statement writes (delete)")
    assert found.remedy == "Say 'writes: true' if it is meant to."


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("queries: {q: {sql: 'select :x', description: X}}", "':x' is in the statement, and not in 'parameters'"),
        ("queries: {q: {sql: 'select 1; select 2', description: X}}", "there must be one statement, and there are 2"),
        ("queries: {'a b': {sql: select 1, description: X}}", "'a b' cannot be a name here"),
        ("queries: {q: {sql: select 1}}", "the key 'description' is missing"),
        ("queries: {q: {sql: select 1, description: X, rows_max: 0}}", "must be at least 1"),
        ("queries: {q: {sql: select 1, description: X, wirtes: true}}", "unknown key 'wirtes'"),
        ("database: {row_settings: {app.tenant: claims.tenant}}", "'row_settings' is for PostgreSQL"),
        ("database: {row_settings: {role: claims.tenant}}", "'role' cannot be a name here"),
    ],
)
def test_what_cannot_work_is_said(tmp_path: Path, line: str, what: str) -> None:
    assert what in problem(tmp_path, "sql: sqlite:///x", line).what


def test_a_password_is_in_no_complaint(tmp_path: Path) -> None:
    for url in ("postgresql://u:${WORD}@h:x/d", "oracle://u:${WORD}@h/d", "postgresql://u:${WORD}@h/d?x=1"):
        found = problem(tmp_path, f"sql: '{url}'")

        assert "s3cret-word" not in f"{found}"


def test_numbers_of_parameters_stay_numbers(tmp_path: Path) -> None:
    parameters = "{n: {type: integer, default: 5, enum: [5, 6]}, t: {default: '5'}}"
    query = f"{{sql: 'select :n, :t', description: X, parameters: {parameters}}}"
    found = loaded(tmp_path, "sql: sqlite:///x", f"queries: {{q: {query}}}").config.servers[0].queries["q"].parameters

    assert (found["n"].default, found["n"].enum, found["t"].default) == (5, (5, 6), "5")


def test_a_database_without_queries_is_worth_a_line(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    assert [warning.what for warning in loaded(tmp_path, "sql: sqlite:///x").warnings] == [
        "the server 'shop' has no queries"
    ]


def test_keys_of_other_kinds_have_no_effect(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    query = "queries: {q: {sql: select 1, description: One}}"
    found = loaded(tmp_path, "sql: sqlite:///x", query, "headers: {X-A: b}").warnings

    assert [warning.what for warning in found] == ["has no effect: 'shop' is a database"]


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_a_file_that_is_not_there_is_worth_a_line(tmp_path: Path, dialect: str) -> None:
    query = "queries: {q: {sql: select 1, description: One}}"
    (missing,) = loaded(tmp_path, f"sql: {dialect}:///figure.db", query).warnings

    assert (missing.line, missing.what) == (3, f"there is no file '{tmp_path}/figure.db'")
