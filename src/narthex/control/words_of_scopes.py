"""The words of `control.words` for what callers need, of a server and of an endpoint.

Knows: sentences. Refuses to know: types and defaults; those come from `model.config`.
"""

from narthex.control.wording import Words

OF_SERVER: dict[str, Words] = {
    "required_scopes": Words(
        "Scopes a caller needs for whatever this server has. Needs `authentication`.", '["crm:read"]'
    ),
    "scopes": Words(
        "Further scopes for single tools, by name or glob. All that speaks of a tool adds up.",
        '{"create_*": ["crm:write"], delete_contact: ["crm:write", "crm:admin"]}',
    ),
    "prompt_scopes": Words("Further scopes for single prompts, by name or glob.", '{"report_*": ["crm:reports"]}'),
    "resource_scopes": Words(
        "Further scopes for single resources, by URI or glob, whether they are listed or not.",
        '{"crm://contracts/*": ["crm:contracts"]}',
    ),
    "scopes_by_annotation": Words(
        "Further scopes by what the server says of its tools (`readOnlyHint`). Only with `trusted: true`.",
        '{read_only: [], other: ["crm:write"]}',
    ),
    "trusted": Words(
        "What the server says of its own tools is believed. Without it, nothing it says opens anything.", "true"
    ),
    "declared_scopes": Words(
        "`accept`: a tool, prompt, resource or template also requires the scopes that its server declares for it "
        "(`_meta` `dev.narthex/required_scopes`). They add to what stands here; they never open anything. "
        "Absent: `accept` for what runs inside the gateway (`python`), `ignore` for others.",
        "accept",
    ),
    "challenge_scopes": Words(
        "What a tool requires once the server has refused a call of it for want of scopes of its own (HTTP 403, "
        "`insufficient_scope`): the server's word for a scope, and what callers need for it.",
        '{repo: ["github:write"]}',
    ),
    "concealed": Words(
        "To callers without its `required_scopes` this server does not exist: what they name of it is unknown, and "
        "no answer tells which scope they lack.",
        "true",
    ),
}
OF_ENDPOINT: dict[str, Words] = {
    "required_scopes": Words(
        "Scopes a caller needs for whatever this endpoint has. Needs `authentication`.", '["support:desk"]'
    ),
    "scopes": Words(
        "Further scopes for single tools, in the forms of `include`. All that speaks of a tool adds up.",
        '{"crm/create_*": ["crm:write"]}',
    ),
    "prompt_scopes": Words("The same for single prompts.", '{"crm/report_*": ["crm:reports"]}'),
    "resource_scopes": Words(
        "The same for single resources: a URI, a glob of URIs, or either as `server/URI`.",
        '{"crm/crm://contracts/*": ["crm:contracts"]}',
    ),
}
WORDS: dict[str, dict[str, Words]] = {
    "ScopesByAnnotation": {
        "read_only": Words("For tools with `readOnlyHint: true`.", "[]"),
        "other": Words("For all other tools.", '["crm:write"]'),
    },
}
