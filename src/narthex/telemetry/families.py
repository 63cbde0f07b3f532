"""Every metric of the house: name, kind, labels and meaning. The page docs/metrics.md is made from this table.

Knows: what is measured. Refuses to know: the numbers.
"""

from typing import Literal, NamedTuple

from narthex.limits import metric_tools_max
from narthex.model.metering import Metered


class Family(NamedTuple):
    """One metric. A counter's name ends in `_total`; a unit, where there is one, stands last before it."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    help: str
    read: bool = True  # its value is read at scrape from whoever holds it; False: counted in `metrics.py`


# Answers of a healthy local server take about a millisecond; nobody waits longer than a minute unless it progresses.
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

FAMILIES = (
    Family(
        "narthex_calls_total",
        "counter",
        ("server", "tool", "outcome"),
        "Calls by what became of them: ok, tool_error, denied, error, cancelled or input_required.",
        read=False,
    ),
    Family(
        "narthex_call_seconds",
        "histogram",
        ("server", "tool"),
        "Time from the whole request read to the whole answer ready, in seconds.",
        read=False,
    ),
    Family(
        "narthex_errors_total",
        "counter",
        ("server", "tool", "reason"),
        "Calls that were denied or ended in an error, by the machine's word for the reason.",
        read=False,
    ),
    Family(
        "narthex_denials_total",
        "counter",
        ("server", "tool", "filter"),
        "Calls that were refused, by the filter that said no.",
        read=False,
    ),
    Family(
        "narthex_would_be_denials_total",
        "counter",
        ("server", "tool", "filter"),
        "Calls that went through although a rule in `mode: warn` would have refused them.",
        read=False,
    ),
    Family(
        "narthex_cost_units_total",
        "counter",
        ("server", "tool"),
        "What calls cost, in the units of `cost`: 1 for each call where nothing else was laid down.",
        read=False,
    ),
    Family(
        "narthex_answer_bytes_total",
        "counter",
        ("server", "tool"),
        "Bytes of the answers that clients got.",
        read=False,
    ),
    Family(
        "narthex_answer_tokens_total",
        "counter",
        ("server", "tool"),
        "Tokens that a model reads in them, estimated: four bytes are one, whatever the model.",
        read=False,
    ),
    Family(
        "narthex_large_results_total",
        "counter",
        ("server", "tool", "how"),
        "Results that were larger than their rule allows: truncated or offloaded. Those that were refused are denials.",
        read=False,
    ),
    Family(
        "narthex_cached_answers_total",
        "counter",
        ("server", "tool", "how"),
        "Answers for which no server was asked: kept, or shared with a call at the same time.",
        read=False,
    ),
    Family("narthex_approvals_held", "gauge", (), "Calls that wait in this process for an operator to decide."),
    Family("narthex_kept_answers", "gauge", (), "Answers that are kept for calls like those that got them."),
    Family("narthex_kept_answer_bytes", "gauge", (), "What they take in memory, about, in bytes."),
    Family("narthex_offloaded_results", "gauge", (), "Results that wait to be read in pages."),
    Family("narthex_offloaded_result_bytes", "gauge", (), "What they take in memory, about, in bytes."),
    Family("narthex_audit_up", "gauge", (), "1 while the audit log can be written, 0 while it cannot."),
    Family("narthex_audit_lines_total", "counter", (), "Lines of the audit log that this process wrote."),
    Family(
        "narthex_audit_unrecorded_total",
        "counter",
        (),
        "Records that could not be written: what they speak of was refused, or let through (`when_broken: count`).",
    ),
    Family("narthex_usage_up", "gauge", (), "1 while the sums of usage can be kept, 0 while they cannot."),
    Family("narthex_usage_records_total", "counter", (), "Records of the audit log added to the sums of usage."),
    Family("narthex_counters_up", "gauge", (), "1 while the counts of limits are within reach, 0 while they are not."),
    Family("narthex_counters_lost_total", "counter", (), "Times the counts of limits went out of reach."),
    Family(
        "narthex_tallies",
        "gauge",
        (),
        "What limits count apart now: callers, tools, and so on.",
    ),
    Family(
        "narthex_stops", "gauge", ("kind",), "What the operator has stopped now: servers, tools, tenants, principals."
    ),
    Family("narthex_stops_known", "gauge", (), "1 while it is known what is stopped; at 0 every call is refused."),
    Family("narthex_compiled_schemas", "gauge", (), "Schemas of tools that are kept ready to check calls against."),
    Family("narthex_compiled_schema_bytes", "gauge", (), "What they take in memory, about, in bytes."),
    Family("narthex_ner_up", "gauge", (), "1 while names can be looked for, 0 while they cannot; with `ner` alone."),
    Family("narthex_ner_restarts_total", "counter", (), "Times the process that finds names has ended by itself."),
    Family("narthex_ner_texts_total", "counter", (), "Texts that it has looked through."),
    Family(
        "narthex_ner_missed_total",
        "counter",
        ("fate",),
        "Messages in which nobody could look for names: refused, or allowed to pass (`when_gone`).",
    ),
    Family("narthex_upstream_up", "gauge", ("server",), "1 while the server answers, 0 while it does not."),
    Family(
        "narthex_upstream_degraded",
        "gauge",
        ("server",),
        "1 while the lists shown for the server are its last known ones instead of fresh ones.",
    ),
    Family(
        "narthex_upstream_breaker_open",
        "gauge",
        ("server",),
        "1 while the server is left alone after failures, 0 while it is asked.",
    ),
    Family(
        "narthex_upstream_breaker_opened_total",
        "counter",
        ("server",),
        "Times the server was left alone after failures.",
    ),
    Family("narthex_upstream_calls_held", "gauge", ("server",), "Places of the server's bulkheads that are taken."),
    Family("narthex_upstream_calls_waiting", "gauge", ("server",), "Calls that wait for such a place."),
    Family("narthex_upstream_calls_refused_total", "counter", ("server",), "Calls for which there was no such place."),
    Family(
        "narthex_upstream_retries_total", "counter", ("server",), "Calls that were sent anew, because that is safe."
    ),
    Family(
        "narthex_upstream_hedges_total", "counter", ("server",), "Calls that were sent a second time while one was out."
    ),
    Family("narthex_upstream_hedges_won_total", "counter", ("server",), "Those of which the second answer came first."),
    Family(
        "narthex_upstream_repeats_refused_total",
        "counter",
        ("server",),
        "Calls that were not sent anew, because too many had been.",
    ),
    Family("narthex_upstream_restarts_total", "counter", ("server",), "Times the server's process was started again."),
    Family("narthex_processes", "gauge", ("server",), "Processes of the server that run now, descendants included."),
    Family(
        "narthex_own_processes",
        "gauge",
        ("server",),
        "Processes of the server that are one caller's or one session's alone, without their descendants.",
    ),
    Family(
        "narthex_own_processes_evicted_total",
        "counter",
        ("server",),
        "Times such a process was stopped while it was idle, to make room for another.",
    ),
    Family(
        "narthex_process_resident_bytes", "gauge", ("server",), "Resident memory of the server's processes, in bytes."
    ),
    Family(
        "narthex_event_loop_delay_seconds",
        "histogram",
        (),
        "How much later than asked the event loop woke up, sampled ten times a second.",
        read=False,
    ),
    Family("narthex_connections", "gauge", (), "Open connections of clients."),
    Family("narthex_inflight", "gauge", (), "Calls on their way now."),
    Family("narthex_sessions", "gauge", (), "Open sessions of clients of the older protocol revisions."),
    Family("narthex_resumption_bytes", "gauge", (), "Bytes kept so that clients may take broken streams up again."),
    Family(
        "narthex_resumption_dropped_total",
        "counter",
        (),
        "Streams that lost what was kept for resuming them, because of the bound over all sessions.",
    ),
    Family("narthex_listeners", "gauge", (), "Open streams on which clients listen for changes."),
    Family(
        "narthex_refused_total",
        "counter",
        ("reason",),
        "Requests and connections turned away before they became calls, by the machine's word for the reason.",
        read=False,
    ),
    Family("narthex_log_lines_dropped_total", "counter", (), "Log lines that were not written."),
    Family(
        "narthex_definitions",
        "gauge",
        ("server", "standing"),
        "Definitions of tools, prompts and instructions that are quarantined, or held to what was pinned, somewhere.",
    ),
    Family(
        "narthex_definitions_suspect",
        "gauge",
        ("server",),
        "Definitions that look like attacks, and that nobody has decided about.",
    ),
    Family(
        "narthex_pins_up",
        "gauge",
        (),
        "Whether pins can be read; if not, nothing is shown that a rule might quarantine.",
    ),
    Family("narthex_snapshot_serial", "gauge", (), "Serial number of the configured world that calls begin in now."),
    Family(
        "narthex_config_reloads_total",
        "counter",
        ("result",),
        "Times the configuration was read again: ok, or refused with everything left as it was.",
        read=False,
    ),
    Family(
        "narthex_scrape_errors_total",
        "counter",
        ("metric",),
        "Times a value could not be read for a scrape, which then went without it.",
        read=False,
    ),
)

# What `metering.metrics` chooses from.
METERED: dict[Metered, tuple[str, ...]] = {
    "tool_calls": ("narthex_calls_total",),
    "latency": ("narthex_call_seconds",),
    "error_rate": ("narthex_calls_total", "narthex_errors_total"),
    "denials": ("narthex_denials_total", "narthex_would_be_denials_total"),
    "cost": ("narthex_cost_units_total",),
}

# Made by prometheus_client from /proc, where the system has it.
OWN_PROCESS = (
    Family("process_virtual_memory_bytes", "gauge", (), "Virtual memory of the gateway's own process, in bytes."),
    Family("process_resident_memory_bytes", "gauge", (), "Resident memory of the gateway's own process, in bytes."),
    Family("process_start_time_seconds", "gauge", (), "When the gateway's process started, seconds since the epoch."),
    Family("process_cpu_seconds_total", "counter", (), "CPU time used by the gateway's own process, in seconds."),
    Family("process_open_fds", "gauge", (), "File descriptors open in the gateway's own process."),
    Family("process_max_fds", "gauge", (), "File descriptors the gateway's own process may open."),
)


def page() -> str:
    """docs/metrics.md."""
    rows = "\n".join(_row(family) for family in (*FAMILIES, *OWN_PROCESS))
    return _PAGE.format(rows=rows, bounds=", ".join(f"{bound:g}" for bound in SECONDS), tools_max=metric_tools_max)


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels) or "–"
    return f"| `{family.name}` | {family.kind} | {labels} | {family.help} |"


_PAGE = """# Metrics

`GET /metrics` on the admin address (default <http://127.0.0.1:8081/metrics>), in the Prometheus text format or,
when asked for, OpenMetrics. This page is made from `src/narthex/telemetry/families.py`.

| metric | kind | labels | meaning |
|---|---|---|---|
{rows}

The label `tool` holds the public name of a tool; for everything that is not a tool call it holds the method
(`tools/list`, `resources/read`, …), and `unknown` when the call named nothing that exists. Beyond {tools_max:,} tools
the rest count together under `other`, so that a scrape stays small.

Histogram bounds in seconds: {bounds}.

Useful questions:

```promql
# calls per second and server
sum by (server) (rate(narthex_calls_total[5m]))
# the share of calls that failed
sum(rate(narthex_calls_total{{outcome="error"}}[5m])) / sum(rate(narthex_calls_total[5m]))
# the 99th percentile per server
histogram_quantile(0.99, sum by (le, server) (rate(narthex_call_seconds_bucket[5m])))
# servers that show old lists
narthex_upstream_degraded == 1
# is the gateway itself held up
histogram_quantile(0.99, rate(narthex_event_loop_delay_seconds_bucket[5m])) > 0.05
```
"""


if __name__ == "__main__":  # python -m narthex.telemetry.families > docs/metrics.md
    print(page(), end="")
