"""What the operator writes: read by the dialect's own rules, judged, and refused where it could do more than ask."""

from typing import Any

import pytest
from sql_house import compiled

from narthex.upstream.sql import statement
from narthex.upstream.sql.address import Dialect, parse
from narthex.upstream.sql.faults import SqlConfigError, mask
from narthex.upstream.sql.judging import judge

DIALECTS: list[Dialect] = ["postgres", "mysql", "sqlite", "duckdb"]
URLS = {
    "postgres": "postgresql://u@localhost/d", "mysql": "mysql://u@localhost/d", "sqlite": "sqlite:////tmp/d",
    "duckdb": "duckdb:////tmp/d",
}  # fmt: skip
ASKING = [
    "select 1",
    "select 1;",
    "with a as (select 1 as b) select * from a",
    "select 1 union all select 2",
    "(select 1)",
    "select count(*) from t where a in (select b from u) -- delete from t",
    "select 'delete from t; drop table t' as text",
]
NOT_ASKING = [
    "", "-- nothing", "select 1; select 2", "select 1; drop table t", "insert into t values (1)", "delete from t",
    "update t set a = 1", "with a as (delete from t returning *) select * from a", "select * into b from t",
    "select * from t for update", "merge into t using s on a = b when matched then delete", "truncate table t",
    "drop table t", "create table t (a int)", "create table t as select 1", "alter table t add b int",
    "copy t to '/tmp/x'", "begin", "commit; select 1", "set x = 1", "pragma writable_schema = 1", "vacuum",
    "attach 'x' as y", "explain analyze delete from t", "call f()", "execute p", "prepare p as select 1",
    "do $$ begin end $$", "load data infile 'x' into table t", "install httpfs", "grant all on t to u", "lock table t",
    "select set_config('app.tenant', 'other', true)", "select pg_read_file('/etc/passwd')", "select LOAD_FILE('x')",
    "select lo_import('/etc/passwd')", "select * from dblink('x', 'y') as t(a int)", "select load_extension('x')",
    "select * from read_csv('/etc/passwd')", "select nextval('s')", "replace into t values (1)",
    "select * from t into outfile '/tmp/x'", "notify x", "listen x", "reset all", "kill 5", "use other", "show tables",
]  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", ASKING)
def test_what_asks_is_taken(dialect: Dialect, sql: str) -> None:
    judge(sql, dialect, writes=False)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("sql", NOT_ASKING)
def test_what_does_more_is_refused(dialect: Dialect, sql: str) -> None:
    with pytest.raises(SqlConfigError):
        judge(sql, dialect, writes=False)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "sql", [sql for sql in NOT_ASKING if not sql.startswith(("insert", "update", "delete", "with", "merge", "select"))]
)
def test_writing_is_not_everything(dialect: Dialect, sql: str) -> None:
    """`writes: true` is about rows."""
    with pytest.raises(SqlConfigError):
        judge(sql, dialect, writes=True)


@pytest.mark.parametrize("sql", ["select @a := 5", "select @a", "select @@version", "set @a = 5"])
def test_variables_of_the_session_are_none_of_a_querys_business(sql: str) -> None:
    with pytest.raises(SqlConfigError):
        judge(sql, "mysql", writes=False)


@pytest.mark.parametrize("sql", ["insert into t values (:a)", "update t set a = :a", "delete from t where a = :a"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_rows_are_changed_where_it_is_said(dialect: Dialect, sql: str) -> None:
    judge(sql, dialect, writes=True)
    with pytest.raises(SqlConfigError, match="Say 'writes: true'"):
        judge(sql, dialect, writes=False)


@pytest.mark.parametrize("sql", ["select 1; delete from t", "delete from t; delete from u", "commit; delete from t"])
def test_writing_is_one_statement_too(sql: str) -> None:
    with pytest.raises(SqlConfigError):
        judge(sql, "postgres", writes=True)


@pytest.mark.parametrize(
    ("dialect", "sql", "text", "names"),
    [
        ("postgres", "select :a::int + :b, :a", "select $1::int + $2, $1", ("a", "b")),
        ("postgres", "select ':a', \":a\", $$ :a $$, :b -- :c", "select ':a', \":a\", $$ :a $$, $1 -- :c", ("b",)),
        ("postgres", "select x[1:2], :limit /* :c */", "select x[1:2], $1 /* :c */", ("limit",)),
        ("mysql", "select 'it\\'s :a', :b # :c", "select 'it\\'s :a', ? # :c", ("b",)),
        ("sqlite", "select :a, [:b], `:c`, :a", "select ?, [:b], `:c`, ?", ("a", "a")),
        ("duckdb", "select :from, e'\\':x'", "select $1, e'\\':x'", ("from",)),
    ],
)
def test_parameters_are_found_where_they_are(dialect: Dialect, sql: str, text: str, names: tuple[str, ...]) -> None:
    assert statement.read(sql, dialect).rendered(dialect) == (text, names)


@pytest.mark.parametrize(
    ("dialect", "sql"),
    [("postgres", "select $1"), ("mysql", "select ?"), ("sqlite", "select ?1"), ("sqlite", "select @a"),
     ("sqlite", "select $a"), ("duckdb", "select ?"), ("duckdb", "select $a"), ("postgres", "select 'open"),
     ("postgres", "select '\0'"), ("sqlite", "x" * 70_000)],
)  # fmt: skip
def test_parameters_in_another_manner_are_refused(dialect: Dialect, sql: str) -> None:
    with pytest.raises(SqlConfigError):
        statement.read(sql, dialect)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"sql": "select :a"}, "':a' is in the statement, and not in 'parameters'"),
        ({"sql": "select 1", "parameters": {"a": {}}}, "'a' is declared, and not in the statement"),
        ({"sql": "select :a", "parameters": {"a": {"type": "identifier"}}}, "an identifier needs 'enum'"),
        (
            {"sql": "select :a", "parameters": {"a": {"type": "identifier", "enum": ["a; drop table t"]}}},
            "cannot be a name",
        ),
        ({"sql": "select :a", "parameters": {"a": {"type": "identifier", "enum": ['a"b']}}}, "cannot be a name"),
        ({"sql": "select :a", "parameters": {"a": {"type": "integer", "default": "x"}}}, "the default cannot be used"),
        ({"sql": "select :a", "parameters": {"a": {"type": "integer", "enum": ["x"]}}}, "everything in 'enum' must be"),
        ({"sql": "select :a", "parameters": {"a": {"enum": ["x"], "default": "y"}}}, "must be one of: x"),
        ({"sql": "select :a", "parameters": {"a": {"pattern": "("}}}, "linear time"),
        ({"sql": "select :a", "parameters": {"a": {"zone": "Mars/Base"}}}, "time zone 'Mars/Base' is not known"),
        ({"sql": "select :a", "parameters": {"a": {"bound": "claims.a", "default": "x"}}}, "has no default"),
        (
            {"sql": "select :a_start", "parameters": {"a": {"type": "time_range"}, "a_start": {}}},
            "two parameters have one name",
        ),
        ({"sql": "select :a", "parameters": {"a": {"type": "time_range"}}}, "':a' is in the statement"),
    ],
)
def test_what_cannot_work_together_is_said(query: dict[str, Any], said: str) -> None:
    with pytest.raises(SqlConfigError) as raised:
        compiled("sqlite:////tmp/x", {"q": query})

    assert said in str(raised.value)
    assert raised.value.where[:2] == ("queries", "q")


def test_names_have_a_bounded_number_of_combinations() -> None:
    enum = [f"c{n}" for n in range(9)]
    query = {
        "sql": "select :a, :b from t",
        "parameters": {"a": {"type": "identifier", "enum": enum}, "b": {"type": "identifier", "enum": enum}},
    }
    with pytest.raises(SqlConfigError, match="more than 64 combinations"):
        compiled("sqlite:////tmp/x", {"q": query})


def test_samples_do_not_show_what_queries_hide() -> None:
    query = {"sql": "select :a", "parameters": {"a": {"bound": "claims.tenant"}}}
    with pytest.raises(SqlConfigError, match="would show rows of everybody"):
        compiled("sqlite:////tmp/x", {"q": query}, tables=["t"], sample_rows=1)


@pytest.mark.parametrize("table", ["t; drop table t", 't"', "a.b.c.d", "t desc", ""])
def test_tables_are_names(table: str) -> None:
    with pytest.raises(SqlConfigError):
        compiled("sqlite:////tmp/x", {}, tables=[table])


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("oracle://u@h/d", "not the URL of a database"), ("/tmp/x", "not the URL"), ("sqlite://", "must name a file"),
        ("sqlite:///", "must name a file"), ("sqlite:///:memory:", "must name a file"),
        ("sqlite://h/x", "must name a file"),
        ("postgresql://h/d", "must name user"), ("postgresql://u@h/", "must name user"),
        ("postgresql://u:p@ss@h:x/d", "not a URL"), ("postgresql://u@h/d?sslmode=no", "'sslmode=no' is not known"),
        ("postgresql://u@h/d?options=-crole%3Dx", "options that are not known"),
        ("mysql://u@h/d#x", "options that are"),
        ("sqlite:///x?mode=rwc", "options that are not known"), ("postgresql://u:p@h/d", "both in 'sql' and in"),
    ],
)  # fmt: skip
def test_addresses_that_cannot_be_are_said_to_be_so(url: str, said: str) -> None:
    with pytest.raises(SqlConfigError, match=said) as raised:
        parse(url, password="other" if said.startswith("both") else None)

    assert "p@ss" not in str(raised.value)


def test_an_address_shows_no_password() -> None:
    found = parse("postgresql://u:s%40cret@db.internal/d")

    assert found.password == "s@cret"
    assert repr(found) == "<Address postgres d at db.internal:5432>"
    assert found.tls == "verify-full"  # over a network, unless it is said otherwise
    assert parse("mysql://u@127.0.0.1/d").tls == "prefer"
    assert mask("cannot connect to postgresql://u:s@cret@db/d, password=hunter2", "s@cret") == (
        "cannot connect to postgresql://u:***@db/d, password=***"
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_name_is_quoted_as_each_database_does(dialect: Dialect) -> None:
    query = {
        "sql": "select * from t order by :by",
        "parameters": {"by": {"type": "identifier", "enum": ["order", "t.select desc"], "default": "order"}},
    }
    mark = "`" if dialect == "mysql" else '"'
    found = compiled(URLS[dialect], {"q": query}).queries["q"]

    assert found.job({}, None).statement.text == f"select * from t order by {mark}order{mark}"
    assert found.job({"by": "t.select desc"}, None).statement.text == (
        f"select * from t order by {mark}t{mark}.{mark}select{mark} desc"
    )
