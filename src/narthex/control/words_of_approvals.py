"""The words of `control.words` for approvals.

Knows: sentences. Refuses to know: types and defaults; those come from `model.rules.approval` and `model.approvals`.
"""

from narthex.control.wording import Words

APPROVAL = Words(
    "Which calls need a human's yes, each of them, for exactly its arguments. The most specific place wins.",
    '{by: operator, reason: "It moves money."}',
)
APPROVALS = Words(
    "Who is told that an operator has to decide. Absent: it stands in the log.",
    '{webhook: {url: "https://hooks.example.com/approvals", secret: "${HOOK_SECRET}"}}',
)

WORDS: dict[str, dict[str, Words]] = {
    "Approval": {
        "by": Words(
            "Whose yes it needs. `caller`: that of whoever sits at the client; an operator's, where the client cannot "
            "ask. `operator`: that of a second person. `nobody`: none, where a less specific place asks.",
            "operator",
        ),
        "reason": Words("What whoever is asked reads first.", "It moves money."),
        "expires_seconds": Words("How long the answer may take, and how long from then on it is good.", "3600"),
        "wait_seconds": Words(
            "How long a call waits for an operator. Then it ends as pending, and passes once it is made again.", "60"
        ),
        "show": Words(
            "How arguments are shown to whoever is asked. `exact`: as they will be sent, but for what tokens stand "
            "for. `redacted`: without whatever `redaction` finds.",
            "redacted",
        ),
    },
    "ApprovalsConfig": {
        "webhook": Words(
            "Who is told of each call that waits.",
            '{url: "https://hooks.example.com/approvals", secret: "${HOOK_SECRET}"}',
        ),
    },
    "WebhookConfig": {
        "url": Words("Where it is posted to.", "https://hooks.example.com/approvals"),
        "secret": Words("What signs it: HMAC-SHA256 of the body, in `X-Narthex-Signature`.", '"${HOOK_SECRET}"'),
    },
}
