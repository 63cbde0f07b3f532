"""Functions that do more than compute, in any of the databases.

Knows: names. Refuses to know: grammar. A list of names is never whole; what a connection may do at all is bounded by
the connection.
"""

from typing import NamedTuple


class Effects(NamedTuple):
    always: frozenset[str]
    always_prefixes: tuple[str, ...]
    unless_writing: frozenset[str]


EFFECTS = Effects(
    # They reach files, other machines, other sessions, or the settings that row security reads.
    always=frozenset(
        {
            "set_config", "pg_read_file", "pg_read_binary_file", "pg_ls_dir", "pg_stat_file", "pg_terminate_backend",
            "pg_cancel_backend", "pg_reload_conf", "pg_rotate_logfile", "pg_promote", "pg_switch_wal", "query_to_xml",
            "query_to_xml_and_xmlschema", "cursor_to_xml", "database_to_xml", "load_extension", "load_file", "edit",
            "readfile", "writefile", "fsdir", "sys_exec", "sys_eval", "read_csv", "read_csv_auto", "read_parquet",
            "parquet_scan", "read_json", "read_json_auto", "read_ndjson", "read_text", "read_blob", "glob", "sniff_csv",
            "sqlite_scan", "postgres_scan", "postgres_query", "mysql_query", "query", "query_table", "getenv",
            "get_lock", "release_lock",
        }
    ),
    always_prefixes=("dblink", "lo_import", "lo_export", "pg_ls_", "pg_logical_", "pg_replication_", "pg_file_"),
    # A connection that only reads refuses these; said here, the operator hears of it before the first call.
    unless_writing=frozenset(
        {"nextval", "setval", "lo_create", "lo_unlink", "lo_put", "lo_from_bytea", "pg_notify", "pg_advisory_lock"}
    ),
)  # fmt: skip
