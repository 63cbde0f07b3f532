"""The words of `control.words` for what may be laid down about calls, at whatever place it stands.

Knows: sentences. Refuses to know: types and defaults; those come from `model.rules`.
"""

from narthex.control.wording import Words
from narthex.control.words_of_approvals import APPROVAL
from narthex.control.words_of_results import CACHE, CACHING, RESULT, SIZES

PER = (
    "Whose calls are counted together: those of one `principal`, `session`, `tenant`, or all through one `endpoint`, "
    "to one `server` or one `tool`."
)
MODE = "`warn`: nothing is refused, the log and the metrics say what would have been."

RULES: dict[str, Words] = {
    "rate_limit": Words(
        "How often tools may be called: one limit or several. The most specific place that has it wins: gateway, "
        "tenant, endpoint, server, single tools.",
        "{requests_per_minute: 60, burst: 10}",
    ),
    "quota": Words(
        "How much of it there is for a day or a month: one quota or several. The most specific place wins.",
        "{calls_per_day: 1000}",
    ),
    "cost": Words(
        "What a call counts for in quotas of cost, in units of your own: a number, or what makes it up. Absent: 1.",
        "3",
    ),
    "redaction": Words(
        "What may not be shown to callers, or sent to servers, and what is done with it: one rule, or one for each "
        "direction. The most specific place wins.",
        "{detect: [pii, secrets], action: mask}",
    ),
    "approval": APPROVAL,
    "definitions": Words(
        "What becomes of definitions of tools and prompts that are new, changed, gone or suspect. The most specific "
        "place wins. Absent: the defaults, for servers that were locked with `narthex lock`.",
        "{new: quarantine, changed: hold}",
    ),
    "validation": Words(
        "Whether arguments and results are held against the JSON Schemas of the tool. The most specific place wins. "
        "Absent: arguments are checked, results are not.",
        "{arguments: enforce, results: warn}",
    ),
    "result": RESULT,
    "cache": CACHE,
    "timeout_seconds": Words("How long a server may be silent during a call; progress extends it.", "120"),
    "bulkhead": Words(
        "How many calls may be under way at one server at one time, and how many may wait. The most specific place "
        "wins, and calls for which the same line holds share its places.",
        "{concurrent: 8, waiting: 4}",
    ),
    "retries": Words(
        "How often a call is sent anew that was lost on the way, where that is safe: it never left, it only reads, or "
        "it is `repeatable`. Absent: 1.",
        "0",
    ),
    "repeatable": Words(
        "Your word that calling such a tool twice does no harm. Absent: what a `trusted` server declares (read-only "
        "and idempotent).",
        "true",
    ),
    "hedge_after_seconds": Words(
        "When a tool that a `trusted` server declares read-only, or that is `repeatable`, is asked a second time; the "
        "first answer counts. Absent: never.",
        "0.5",
    ),
    "breaker": Words(
        "When a server that fails is left alone for a while, at a server or at the gateway. Absent: after five "
        "failures in a row.",
        "{failures: 5, open_seconds: 30}",
    ),
}

WORDS: dict[str, dict[str, Words]] = {
    "Rules": RULES,
    "ResultSize": SIZES,
    "Caching": CACHING,
    "RateLimit": {
        "requests_per_second": Words("How many calls a second allows in the long run.", "5"),
        "requests_per_minute": Words("How many calls a minute allows in the long run.", "60"),
        "requests_per_hour": Words("How many calls an hour allows in the long run.", "1000"),
        "burst": Words("How many may come at once. Absent: as many as one window allows.", "10"),
        "concurrent": Words("How many may be under way at one time.", "5"),
        "per": Words(PER, "tenant"),
        "mode": Words(MODE, "warn"),
    },
    "Quota": {
        "calls_per_day": Words("Calls from midnight to midnight.", "1000"),
        "calls_per_month": Words("Calls of a month of the calendar.", "20000"),
        "cost_per_day": Words("Units of `cost` from midnight to midnight.", "500"),
        "cost_per_month": Words("Units of `cost` of a month of the calendar.", "10000"),
        "time_zone": Words("Whose midnight it is, by its name in the IANA database.", "Europe/Berlin"),
        "per": Words(PER, "tenant"),
        "mode": Words(MODE, "warn"),
    },
    "Cost": {
        "per_call": Words("Units for each call.", "1"),
        "per_kb": Words("Units for every 1,000 bytes of the answer.", "0.1"),
        "per_row": Words("Units for each entry of the result: of the lists in its structured content.", "0.01"),
    },
    "Redaction": {
        "direction": Words(
            "Whether the rule is about what servers answer and say, about what they are sent, or both.", "both"
        ),
        "detect": Words(
            "Kinds and groups of what is looked for: `contact`, `financial`, `identity`, `network`, `secrets`, `pii` "
            "(the first three), `all`. Besides, what stands under `ner.entities`, in small letters.",
            "[email, phone, secrets]",
        ),
        "action": Words(
            "`mask`: `[email]` stands there. `drop`: nothing. `hash`: a name for the value, always the same. "
            "`tokenise`: one that can be given back. `block`: the call ends.",
            "tokenise",
        ),
        "actions": Words("Actions of single kinds and groups instead.", "{card: block, secrets: drop}"),
        "patterns": Words("Kinds of your own.", "[{name: employee, pattern: 'E-[0-9]{6}'}]"),
        "keep": Words(
            "The only members of results that pass, by name or path. What a named member holds passes whole.",
            "[id, name, company, title]",
        ),
        "drop": Words(
            "Members of results that do not pass, by name or path. Wins over `keep`.", "['$.contacts[*].notes']"
        ),
        "other_text": Words(
            "With `keep` or `drop`: what becomes of text that is no JSON, so that nobody can choose from it.", "pass"
        ),
        "binary": Words("What becomes of images, sound and files, into which nobody can look.", "pass"),
        "numbers": Words("Whether what stands in JSON as a number may be something, a card say.", "false"),
        "findings_per_kb": Words(
            "How much may be found in a kilobyte, on average and beyond the first five hundred. An answer that holds "
            "more is withheld, because it would take too long.",
            "64",
        ),
        "opens": Words("Kinds of tokens for which this tool gets the value.", "[email]"),
        "token_seconds": Words("How long a token is good, since it was last given out.", "3600"),
    },
    "Pattern": {
        "name": Words("What it is called: in `actions`, in the mask.", "employee"),
        "pattern": Words("A regular expression of RE2. `^` and `$` are the ends of a value or a line.", "'E-[0-9]{6}'"),
        "ignore_case": Words("Whether large and small letters are alike.", "true"),
    },
    "Validation": {
        "arguments": Words(
            "What becomes of a call whose arguments do not match the tool's input schema. `enforce`: it is refused, "
            "with all that is to be mended. `warn`: it is sent, the log and the metrics say what would have been.",
            "warn",
        ),
        "results": Words(
            "What becomes of a result whose structured content does not match the tool's output schema. `warn`: it is "
            "passed on with a note in its `_meta`. `enforce`: it is withheld.",
            "warn",
        ),
        "coerce": Words(
            'Put right what is harmlessly wrong in arguments, "10" for 10 say, where the schema leaves no doubt.',
            "true",
        ),
        "formats": Words("Whether `format` in a schema is a rule (an e-mail address must be one) or a remark.", "true"),
    },
    "Definitions": {
        "new": Words(
            "What was never seen before, also under another name. `accept`: it is shown. `announce`: it is shown, and "
            "the operator is told. `quarantine`: it is shown to nobody until somebody approves of it.",
            "quarantine",
        ),
        "changed": Words(
            "What has changed so that callers who knew the old one can go on. `hold`: the pinned definition goes on "
            "being shown.",
            "hold",
        ),
        "text": Words(
            "What has changed in what only models and people read: descriptions, titles, defaults. Absent: as "
            "`changed`.",
            "hold",
        ),
        "breaking": Words(
            "What has changed so that calls that were right may fail: a parameter is gone, or required, or takes less.",
            "announce",
        ),
        "removed": Words("Whether the operator is told of what is offered no longer.", "ignore"),
        "poisoned": Words(
            "What becomes of what nobody approved, and looks like an attack on the model that reads it. Absent: "
            "`quarantine`, and `announce` for a server whose tools stand in your own files: `openapi` with a file, "
            "`http`, `sql`.",
            "announce",
        ),
        "suspicious": Words("From which score on, between 0 and 1, the operator is told that it does.", "0.4"),
        "score": Words("From which score on `poisoned` and `results: block` act.", "0.6"),
        "results": Words(
            "Whether what tools, resources and prompts bring is looked through for attacks too. `announce`: the "
            "operator is told. `block`: it is withheld.",
            "block",
        ),
    },
    "Bulkhead": {
        "concurrent": Words("Calls that may be under way at one time.", "8"),
        "waiting": Words("Calls that may wait for a place; one more is refused at once.", "4"),
        "wait_seconds": Words("How long a call waits for a place at most.", "1"),
    },
    "BreakerRule": {
        "failures": Words("Failures in a row: no connection, a connection lost, no answer in time, HTTP 5xx.", "3"),
        "share": Words("The part of all calls that may fail. Absent: only failures in a row count.", "0.5"),
        "calls": Words("Calls within the window, before `share` is looked at.", "50"),
        "window_seconds": Words("Over how long `share` is counted.", "30"),
        "open_seconds": Words("How long the server is left alone, until one call may try.", "30"),
    },
    "SharedConfig": {
        "url": Words(
            "A Redis or Valkey server: `redis://`, `rediss://`, `valkey://`, `valkeys://` or `unix://`. Needs the "
            "extra `[redis]`.",
            '"redis://cache.internal:6379/0"',
        ),
        "timeout_ms": Words("How long to wait for an answer of it, until it counts as lost.", "50"),
        "when_lost": Words(
            "What becomes of limited calls while it is lost. `scale`: each process lets through its own part of the "
            "limit. `refuse`: none. `allow`: all.",
            "refuse",
        ),
    },
}
