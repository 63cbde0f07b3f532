"""What each key of the configuration means, in words, with an example.

Knows: the sentences that the JSON Schema, the reference page and an editor's hover show. Refuses to know: types and
defaults; those come from the nouns in `model.config`. A test proves that no key lacks its words.
"""

from narthex.control.wording import Words
from narthex.control.words_of_approvals import APPROVALS
from narthex.control.words_of_approvals import WORDS as OF_APPROVALS
from narthex.control.words_of_audit import AUDIT
from narthex.control.words_of_audit import WORDS as OF_AUDIT
from narthex.control.words_of_credentials import WORDS as OF_CREDENTIALS
from narthex.control.words_of_http import OF_HTTP
from narthex.control.words_of_http import WORDS as OF_APIS
from narthex.control.words_of_limits import OF_LIMITS
from narthex.control.words_of_ner import NER
from narthex.control.words_of_ner import WORDS as OF_NER
from narthex.control.words_of_opentelemetry import OPENTELEMETRY
from narthex.control.words_of_opentelemetry import WORDS as OF_OPENTELEMETRY
from narthex.control.words_of_python import OF_PYTHON
from narthex.control.words_of_rules import RULES
from narthex.control.words_of_rules import WORDS as OF_RULES
from narthex.control.words_of_scopes import OF_ENDPOINT as OF_ENDPOINT_SCOPES
from narthex.control.words_of_scopes import OF_SERVER as OF_SERVER_SCOPES
from narthex.control.words_of_scopes import WORDS as OF_SCOPES
from narthex.control.words_of_sql import OF_SQL
from narthex.control.words_of_sql import WORDS as OF_DATABASES

WORDS: dict[str, dict[str, Words]] = {
    **OF_APPROVALS,
    **OF_APIS,
    **OF_AUDIT,
    **OF_NER,
    **OF_OPENTELEMETRY,
    **OF_CREDENTIALS,
    **OF_RULES,
    **OF_SCOPES,
    **OF_DATABASES,
    "Config": {
        **RULES,
        "tenants": Words(
            "What holds for the callers of one tenant: any of the keys that also stand at a server.",
            "{acme: {rate_limit: {requests_per_minute: 600}}}",
        ),
        "name": Words("What the gateway calls itself towards clients. It also names the state folder.", "acme-tools"),
        "title": Words("The same for humans to read. Absent: clients show the name.", "Acme tools"),
        "listen": Words(
            "Where clients come in. Without authentication only an address of the machine itself is accepted.",
            "http://127.0.0.1:8080",
        ),
        "public_url": Words(
            "The address clients use when something stands in front (a load balancer, a proxy that ends TLS).",
            "https://tools.example.com",
        ),
        "tls": Words(
            "Certificate and key for an https listen address, as PEM files.", "{certificate: tls.crt, key: tls.key}"
        ),
        "allowed_hosts": Words(
            "Host headers to accept besides those of `listen` and `public_url`; the guard against DNS rebinding.",
            "[tools.internal]",
        ),
        "allowed_origins": Words(
            "Web origins whose pages may call the gateway. Programs send no Origin and are not concerned.",
            '["https://chat.example.com"]',
        ),
        "admin": Words(
            "The administration address: metrics and the state of the house.", '{listen: "http://127.0.0.1:8081"}'
        ),
        "state": Words(
            "Folder for what must survive a restart. Absent: a folder of its own below the user's state folder.",
            "/var/lib/narthex",
        ),
        "log": Words("How the log is written.", "{format: json, level: info}"),
        "limits": Words("Bounds on sizes, counts and times. Every one has a safe default.", "{call_seconds_max: 120}"),
        "instructions": Words(
            "Text for the model, shown before the instructions of the servers.", "Search before you create."
        ),
        "servers": Words(
            "What stands behind the gateway. A server's kind is the key it has: `upstream`, `command`, `python`.",
            '[{name: crm, upstream: "https://crm.example.com/mcp"}]',
        ),
        "endpoints": Words(
            "Further URLs in front, `/mcp/{name}`, each with a chosen set of tools.",
            "{support: {servers: [crm]}}",
        ),
        "authentication": Words(
            "Who may call. Absent: everybody on this machine, and nobody from elsewhere.",
            '{type: oauth2, issuer: "https://auth.example.com"}',
        ),
        "vault": Words(
            "How grants of users are sealed at rest. Absent: with a key that is made in the state folder.",
            '{key: "${VAULT_KEY}"}',
        ),
        "shared": Words(
            "Where gateways on several machines keep what they must know of each other: the counts of limits. Absent: "
            "in the state folder, for all processes of this machine that use it.",
            '{url: "redis://cache.internal:6379/0"}',
        ),
        "ner": NER,
        "approvals": APPROVALS,
        "audit": AUDIT,
        "opentelemetry": OPENTELEMETRY,
        "metering": Words(
            "What is counted of calls and shown at `/metrics`. Absent: everything.",
            "{backend: prometheus, metrics: [tool_calls, latency]}",
        ),
    },
    "ServerConfig": {
        **RULES,
        "rules": Words(
            "What holds for single tools, by name or glob; more specific than what holds for the whole server.",
            '{"create_*": {rate_limit: {requests_per_minute: 5}}}',
        ),
        "name": Words(
            "The server's name, and the first half of its tools' names: `<name>__<tool>`. Names that differ only in "
            "upper and lower case, or in `_` and `-`, are the same.",
            "github",
        ),
        "upstream": Words(
            "URL of a remote server. Streamable HTTP of any revision or HTTP+SSE: found out, not configured.",
            "https://crm.example.com/mcp",
        ),
        "command": Words(
            "Program and arguments of a server that speaks over its standard input and output. A single string is "
            "the program alone, its arguments stand in `args`.",
            '[npx, -y, "@modelcontextprotocol/server-everything"]',
        ),
        **OF_PYTHON,
        **OF_SQL,
        **OF_HTTP,
        "env": Words(
            "Environment variables for the command, besides the few every program needs.",
            '{GITHUB_TOKEN: "${GITHUB_TOKEN}"}',
        ),
        "inherit_env": Words("Variables of the gateway's own environment that the command may see.", "[HTTPS_PROXY]"),
        "cwd": Words("Folder in which the command starts; relative to the configuration file.", "servers/crm"),
        "headers": Words(
            "Headers sent with every request to `upstream`. `${claims.NAME}` is what the caller's token says, "
            "`${principal.subject}` and `${principal.tenant}` whoever calls.",
            '{Authorization: "Bearer ${CRM_TOKEN}"}',
        ),
        "pass_headers": Words("Headers of clients' requests that go on to `upstream`.", "[X-Request-Tag]"),
        "credentials": Words(
            "What `upstream` is shown: a key from a file, or tokens of an issuer.",
            '{type: client_credentials, issuer: "https://auth.example.com", client_id: narthex, '
            'client_secret: "${CRM_TOKEN}"}',
        ),
        "tools": Words(
            "The tools to offer, by name or glob. Absent: all. What is left out can be neither seen nor called.",
            '[search_repos, "get_*"]',
        ),
        "exclude": Words(
            "The tools not to offer, by name or glob; it wins over `tools`. They can be neither seen nor called.",
            '["delete_*"]',
        ),
        "description": Words("What the server is for, in a sentence.", "Customers and contracts"),
        "start": Words("`lazy`: the command starts with the first call. `eager`: with the gateway.", "eager"),
        "idle_stop_seconds": Words("Stop the command after so many seconds without a call.", "600"),
        "start_seconds": Words("How long the command may take to start.", "90"),
        "resources": Words("What the operating system lets one process of the command use.", "{memory_mb: 512}"),
        "stateless": Words(
            "The server keeps nothing between calls, so callers may share one session or process with it.",
            "true",
        ),
        "enabled": Words("`false` leaves the server out, without deleting its entry.", "false"),
        **OF_SERVER_SCOPES,
    },
    "Resources": {
        "cpu_seconds": Words("Processor time, over the life of the process.", "3600"),
        "memory_mb": Words("Address space, in megabytes.", "512"),
        "open_files": Words("Open files and sockets.", "256"),
    },
    "EndpointConfig": {
        **RULES,
        "rules": Words(
            "What holds for single tools of this endpoint, in the forms of `include`; the most specific place.",
            '{"crm/create_contact": {rate_limit: {requests_per_minute: 5}}}',
        ),
        "servers": Words("The servers to choose from. Absent: all.", "[crm, github]"),
        "include": Words(
            "The tools to offer: `server/tool`, a bare tool name, or a glob of either form. Absent: all.",
            '["crm/search_*"]',
        ),
        "exclude": Words("The tools to leave out, in the same forms; it wins over `include`.", '["*/delete_*"]'),
        "tools": Words("What is shown instead, by `server/tool`.", "{crm/search_contacts: {name: find_customer}}"),
        **OF_ENDPOINT_SCOPES,
        "names": Words(
            "`prefixed`: `<server>__<tool>`. `bare`: the tool's own name. "
            "Absent: bare with one server, prefixed with several.",
            "bare",
        ),
        "title": Words("What this endpoint calls itself towards clients. Absent: the gateway's title.", "Support desk"),
        "description": Words("What the endpoint is for, in a sentence.", "For the support desk"),
        "instructions": Words("Text for the model, instead of the gateway's.", "Answer politely."),
    },
    "ToolChange": {
        "name": Words("The name the endpoint shows.", "find_customer"),
        "description": Words("The description the endpoint shows.", "Find a customer by name or e-mail."),
        "title": Words("The title the endpoint shows.", "Find a customer"),
    },
    "AdminConfig": {
        "listen": Words("Where it listens. Never on the port of the clients.", "http://127.0.0.1:8081"),
        "token": Words(
            "What a program shows there to decide about approvals and definitions, and to end a stop: it may be the "
            "very agent that is concerned. Absent: nobody decides there, the command line does.",
            '"${ADMIN_TOKEN}"',
        ),
    },
    "LogConfig": {
        "format": Words("`auto`: a human's line on a terminal, JSON otherwise.", "json"),
        "level": Words("The least important line that is still written.", "debug"),
        "calls": Words("One sentence per call.", "false"),
    },
    "AuthenticationConfig": {
        "type": Words(
            "`oauth2`: tokens of the issuers named here, and API keys. `keys`: API keys alone.",
            "oauth2",
        ),
        "issuer": Words("The one issuer of tokens, as its tokens name it in `iss`.", "https://auth.example.com"),
        "required_scopes": Words("Scopes that every request needs, whatever it asks for.", '["mcp:tools"]'),
        "issuers": Words("Several issuers, or one with more to say of it.", '[{issuer: "https://auth.example.com"}]'),
        "server": Words(
            "An authorization server of our own: people sign in here, clients register here.", "{users: users.yaml}"
        ),
        "keys": Words("API keys are taken too.", "false"),
        "sign_in": Words(
            "Where people sign in who come with a browser, to connect their accounts at servers.",
            '{issuer: "https://auth.example.com", client_id: narthex}',
        ),
        "scopes": Words(
            "What scopes imply, what roles are granted, and what counts where nothing is said.", "{default: deny}"
        ),
        "proxy": Words(
            "A proxy in front that has already found out who calls. Its word counts only from its own addresses.",
            "{addresses: [10.0.0.5], subject: X-Forwarded-User}",
        ),
        "certificates": Words(
            "Callers who show a certificate of this authority while connecting.", "{authority: clients.pem}"
        ),
        "policies": Words("Rules on arguments and claims, in the language Cedar.", "rules.cedar"),
    },
    "AuthorizationServerConfig": {
        "users": Words(
            "The file with those who sign in with a password (`narthex users add`). Absent, and no `login`: they are "
            "kept in the state folder.",
            "users.yaml",
        ),
        "login": Words(
            "Where people sign in instead: your company's OpenID provider.",
            '{issuer: "https://login.example.com", client_id: narthex, client_secret: "${OIDC_SECRET}"}',
        ),
        "everyone": Words("Scopes that everybody who can sign in may have.", '["mcp:tools"]'),
        "scopes": Words(
            "What a scope allows, in words for the page on which people agree.", '{"mcp:tools": "use its tools"}'
        ),
        "clients": Words(
            "Clients that need not register: those that act for themselves, and apps of yours.",
            '[{client_id: ci, client_secret: "${OIDC_SECRET}", scopes: ["mcp:tools"]}]',
        ),
        "registration": Words("Clients may register themselves; somebody is asked each time one is let in.", "false"),
        "client_documents": Words("A client may be the URL of a public document about it.", "false"),
        "redirect_schemes": Words("Further schemes of links that open an app on the user's device.", "[acme-desktop]"),
        "access_token_seconds": Words("How long an access token is good.", "300"),
        "refresh_token_days": Words("How long a client stays let in before somebody has to sign in again.", "7"),
        "login_hours": Words("How long a browser stays signed in.", "1"),
    },
    "LoginConfig": {
        "issuer": Words(
            "Its name, as its ID tokens say it in `iss`, and where its metadata are found.", "https://login.example.com"
        ),
        "client_id": Words("As whom the gateway is registered there.", "narthex"),
        "client_secret": Words("What proves it. Absent: the gateway is a public client there.", '"${OIDC_SECRET}"'),
        "scopes": Words("What is asked of it. `openid` must be among them.", "[openid, profile, groups]"),
        "subject": Words("The claim that names a person, and never another one.", "oid"),
        "claims": Words("Claims that are copied into our tokens, for rules and bound arguments.", "[department]"),
        "allow_private": Words("It lives on a private network, and may speak http there.", "true"),
    },
    "SignInConfig": {
        "issuer": Words("One of the issuers whose tokens are taken.", "https://auth.example.com"),
        "client_id": Words("As whom this gateway is registered there.", "narthex"),
        "client_secret": Words("Its secret. Absent: a public client.", '"${OIDC_SECRET}"'),
        "scopes": Words("What is asked for. `openid` has to be among them.", "[openid, profile]"),
        "subject": Words(
            "The claim that names a person as the issuer's tokens name them. Absent: the one that the issuer's entry "
            "says for tokens.",
            "oid",
        ),
    },
    "ClientConfig": {
        "client_id": Words("Its name here.", "ci"),
        "client_secret": Words("What proves it. Absent: a public client.", '"${OIDC_SECRET}"'),
        "name": Words("What the page on which people agree calls it.", "Release robot"),
        "redirect_uris": Words(
            "Where people's browsers are sent back to. Absent: it acts for itself alone.",
            '["https://app.example.com/callback"]',
        ),
        "scopes": Words("What it may have when it acts for itself.", '["mcp:tools"]'),
    },
    "IssuerConfig": {
        "issuer": Words(
            "Its name, sign by sign as its tokens say it in `iss`, and where its metadata are found.",
            "https://auth.example.com/realms/acme",
        ),
        "audience": Words(
            "What its tokens must say in `aud`. Absent: the URL of the endpoint that is called.", "[api://tools]"
        ),
        "algorithms": Words("The ways in which its tokens may be signed.", "[RS256]"),
        "tenant": Words("To whom its callers belong.", "acme"),
        "jwks_uri": Words(
            "Where its public keys are. Absent: where its metadata say.", "https://auth.example.com/keys.json"
        ),
        "typ": Words("Only tokens of this type are taken; absent: also those of no type.", "at+jwt"),
        "claims": Words("In which claims it says what.", "{subject: email}"),
        "introspection": Words(
            "How it is asked about tokens that only it can read. One issuer at most.",
            '{client_id: gateway, client_secret: "${OIDC_SECRET}"}',
        ),
        "allow_private": Words("It lives on a private network, and may speak http there.", "true"),
    },
    "ClaimsConfig": {
        "scopes": Words("Scopes, as a list or separated by blanks. Absent: `scope`, else `scp`.", "permissions"),
        "subject": Words("Who the caller is.", "email"),
    },
    "IntrospectionConfig": {
        "client_id": Words("As whom the gateway is registered there.", "gateway"),
        "client_secret": Words("What proves it.", '"${OIDC_SECRET}"'),
        "endpoint": Words("Where to ask. Absent: where its metadata say.", "https://auth.example.com/introspect"),
    },
    "ScopesConfig": {
        "implies": Words("Whoever has the one scope has the others too.", '{"mcp:admin": ["mcp:tools"]}'),
        "roles": Words(
            "Roles or groups in the token, and the scopes each of them is granted.",
            '{claim: groups, grants: {admins: ["mcp:admin"]}}',
        ),
        "default": Words(
            "What counts for servers and tools for which no scope is required: `allow` lets every known caller use "
            "them, `deny` nobody.",
            "deny",
        ),
    },
    "RolesConfig": {
        "claim": Words("The claim that lists them; `a.b` finds `b` inside of `a`.", "realm_access.roles"),
        "grants": Words("The scopes of each.", '{admins: ["mcp:admin"]}'),
    },
    "ProxyConfig": {
        "addresses": Words("Addresses and networks it connects from.", "[10.0.0.5]"),
        "subject": Words("The header in which it says who calls.", "X-Forwarded-User"),
        "scopes": Words("The header in which it lists the caller's scopes.", "X-Forwarded-Scopes"),
    },
    "CertificatesConfig": {
        "authority": Words("The certificate of the authority, as a PEM file.", "clients.pem"),
        "subject": Words(
            "Where the name of the caller stands: `san_uri` or `san_dns`, a URI or DNS name of the subject, or `cn`.",
            "cn",
        ),
        "scopes": Words("What every such caller is granted.", '["mcp:tools"]'),
    },
    "Limits": OF_LIMITS,
}
