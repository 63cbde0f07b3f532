"""The words of `control.words` for what is written down and counted of calls: the audit log, metering.

Knows: sentences. Refuses to know: types and defaults; those come from `model.audit_config`.
"""

from narthex.control.wording import Words

AUDIT = Words(
    "What is written down of calls and of decisions, and what becomes of calls when that cannot be done. Absent: all "
    "of it, in the state folder.",
    "{durability: power, keep_days: 400}",
)

WORDS: dict[str, dict[str, Words]] = {
    "AuditConfig": {
        "enabled": Words("`false`: nothing is on record, and nothing is counted for `narthex usage`.", "false"),
        "folder": Words("Where the log is. Absent: `audit` in the state folder.", "/var/lib/narthex/audit"),
        "durability": Words(
            "`process`: what was answered is on record whenever the process dies. `power`: also when the machine does; "
            "answers wait for the disk.",
            "power",
        ),
        "when_broken": Words(
            "What becomes of calls while the log cannot be written: `refuse`, or `count` them as unrecorded and let "
            "them through.",
            "count",
        ),
        "arguments": Words(
            "What is written of arguments: a keyed `digest`, besides it the arguments as `redaction` left them "
            "(`redacted`), or `none` of it.",
            "redacted",
        ),
        "segment_bytes": Words("A file of the log ends at this size.", "16777216"),
        "segment_seconds": Words("A file of the log ends at this age.", "3600"),
        "keep_days": Words("Files older than this are removed. Absent: none is.", "400"),
        "keep_bytes": Words("The oldest files are removed beyond this. Absent: none is.", "50000000000"),
        "compress": Words("Whether files that ended are compressed.", "false"),
        "blocked_seconds_max": Words(
            "A write that the disk does not answer for so long ends the process, since nothing else can. 0: it waits.",
            "120",
        ),
        "sinks": Words("Where records go besides.", '[{type: syslog, address: "tcp://log.internal:6514"}]'),
    },
    "MeteringConfig": {
        "backend": Words(
            "Who asks for what was counted. `prometheus`: `/metrics` on the administration address.", "prometheus"
        ),
        "metrics": Words(
            "What of calls is shown there: `tool_calls`, `latency`, `error_rate`, `denials`, `cost`. Absent: all.",
            "[tool_calls, latency, error_rate]",
        ),
    },
    "SinkConfig": {
        "type": Words("`stdout`, `file`, `syslog`, `otlp` or `webhook`.", "webhook"),
        "name": Words("What it is called, where two are of one type. Absent: its type.", "soc"),
        "path": Words("The file of a `file`.", "/var/log/narthex-audit.jsonl"),
        "address": Words("Of a `syslog`: `udp://HOST:PORT`, `tcp://HOST:PORT`, `unix:///PATH`.", "unix:///dev/log"),
        "url": Words("Of `otlp` and `webhook`.", "https://collector.internal:4318/v1/logs"),
        "headers": Words("Headers that are sent there; values may be secrets.", '{Authorization: "Bearer ${TOKEN}"}'),
        "secret": Words("Of a `webhook`: what is sent is signed with it.", '"${AUDIT_SECRET}"'),
        "facility": Words("Of a `syslog`: the number of the facility. 13 is the log audit.", "4"),
        "timeout_seconds": Words("How long one sending may take.", "10"),
    },
}
