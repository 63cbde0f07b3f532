"""What each key of the configuration means, in words, with an example.

Knows: the sentences that the JSON Schema, the reference page and an editor's hover show. Refuses to know: types and
defaults; those come from the nouns in `model.config`. A test proves that no key lacks its words.
"""

from narthex.control.wording import Words
from narthex.control.words_of_credentials import WORDS as OF_CREDENTIALS

WORDS: dict[str, dict[str, Words]] = {
    **OF_CREDENTIALS,
    "Config": {
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
            "What stands behind the gateway. A server's kind is the key it has: `upstream` or `command`.",
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
        "metering": Words(
            "What is counted. Understood, not enforced in this version: `serve` refuses to start with it.",
            "{backend: prometheus, metrics: [tool_calls]}",
        ),
    },
    "ServerConfig": {
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
        "timeout_seconds": Words("How long the server may be silent during a call; progress extends it.", "120"),
        "start_seconds": Words("How long the command may take to start.", "90"),
        "resources": Words("What the operating system lets one process of the command use.", "{memory_mb: 512}"),
        "stateless": Words(
            "The server keeps nothing between calls, so callers may share one session with it.",
            "true",
        ),
        "enabled": Words("`false` leaves the server out, without deleting its entry.", "false"),
        "rate_limit": Words(
            "Calls per minute. Understood, not enforced in this version: `serve` refuses to start with it.",
            "{requests_per_minute: 60}",
        ),
        "required_scopes": Words(
            "Scopes a caller needs for whatever this server has. Needs `authentication`.", '["crm:read"]'
        ),
        "scopes": Words(
            "Further scopes for single tools, by name or glob. All that speaks of a tool adds up.",
            '{"create_*": ["crm:write"], delete_contact: ["crm:write", "crm:admin"]}',
        ),
        "scopes_by_annotation": Words(
            "Further scopes by what the server says of its tools (`readOnlyHint`). Only with `trusted: true`.",
            '{read_only: [], other: ["crm:write"]}',
        ),
        "trusted": Words(
            "What the server says of its own tools is believed. Without it, nothing it says opens anything.", "true"
        ),
        "declared_scopes": Words(
            "`accept`: a tool also requires the scopes that its server declares for it (`_meta` "
            "`dev.narthex/required_scopes`). They add to what stands here; they never open anything.",
            "accept",
        ),
        "concealed": Words(
            "To callers without its `required_scopes` this server does not exist: what they name of it is unknown, and "
            "no answer tells which scope they lack.",
            "true",
        ),
    },
    "ScopesByAnnotation": {
        "read_only": Words("For tools with `readOnlyHint: true`.", "[]"),
        "other": Words("For all other tools.", '["crm:write"]'),
    },
    "Resources": {
        "cpu_seconds": Words("Processor time, over the life of the process.", "3600"),
        "memory_mb": Words("Address space, in megabytes.", "512"),
        "open_files": Words("Open files and sockets.", "256"),
    },
    "EndpointConfig": {
        "servers": Words("The servers to choose from. Absent: all.", "[crm, github]"),
        "include": Words(
            "The tools to offer: `server/tool`, a bare tool name, or a glob of either form. Absent: all.",
            '["crm/search_*"]',
        ),
        "exclude": Words("The tools to leave out, in the same forms; it wins over `include`.", '["*/delete_*"]'),
        "tools": Words("What is shown instead, by `server/tool`.", "{crm/search_contacts: {name: find_customer}}"),
        "required_scopes": Words(
            "Scopes a caller needs for whatever this endpoint has. Needs `authentication`.", '["support:desk"]'
        ),
        "scopes": Words(
            "Further scopes for single tools, in the forms of `include`. All that speaks of a tool adds up.",
            '{"crm/create_*": ["crm:write"]}',
        ),
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
    "Limits": {
        "header_bytes_max": Words("All headers of one request together."),
        "header_count_max": Words("Headers of one request."),
        "header_field_bytes_max": Words("One header."),
        "url_bytes_max": Words("The request line's URL."),
        "header_seconds_max": Words("Time a client has to send its headers."),
        "body_seconds_max": Words("Time a client has to send a body."),
        "body_bytes_per_second_min": Words("The slowest a body may arrive, judged after the first five seconds."),
        "body_bytes_max": Words("Body of one request."),
        "keepalive_seconds_max": Words("How long an idle connection is kept open."),
        "connections_max": Words("Connections of clients at once."),
        "connections_per_address_max": Words("Connections from one address at once."),
        "inflight_max": Words("Requests in work at once."),
        "failed_credentials_per_minute_max": Words(
            "Wrong keys from one address in a minute, before it is told to wait. Good ones always pass."
        ),
        "json_depth_max": Words("Nesting of a message."),
        "json_values_max": Words("Values in a message."),
        "json_string_bytes_max": Words("One string in a message."),
        "json_growth_max": Words("How many times its own size a message may take once it is decoded."),
        "json_keys_max": Words("Keys of one object in a message."),
        "call_seconds_max": Words("How long a server may be silent during a call; progress extends it."),
        "call_seconds_absolute_max": Words("How long a call may take, whatever the server says."),
        "result_bytes_max": Words("Result of one call."),
        "sse_event_bytes_max": Words("One event of a server's stream."),
        "sse_stream_bytes_max": Words("All events of a server's stream."),
        "sse_stream_events_max": Words("Events of a server's stream, by number."),
        "stream_queue_bytes_max": Words("What waits for a slow reader before its server is held back."),
        "stream_stalled_seconds_max": Words("How long a reader may take nothing before its stream is closed."),
        "listen_seconds_max": Words("How long one subscription stream lives; clients open the next."),
        "listens_per_principal_max": Words("Subscription streams of one caller."),
        "sessions_max": Words("Sessions of older clients at once."),
        "session_idle_seconds_max": Words("How long a session of an older client is kept without a request."),
        "list_pages_max": Words("Pages of one list taken from a server."),
        "list_items_max": Words("Items of one list taken from a server."),
        "list_bytes_max": Words("One list taken from a server."),
        "schema_bytes_max": Words("Input schema of one tool."),
        "schema_depth_max": Words("Nesting of a tool's input schema."),
        "schema_nodes_max": Words("Parts of a tool's input schema."),
        "description_chars_max": Words("Description of one tool."),
        "spawns_concurrent_max": Words("Commands that start at the same time, and as many again that take long."),
        "processes_per_server_max": Words("Processes of one command."),
        "process_idle_seconds_min": Words("How long a client's own process idles before it makes room for another."),
        "line_bytes_max": Words("One line from a command."),
        "garbage_lines_max": Words("Lines from a command that are not messages, before it is restarted."),
        "calls_per_process_max": Words("Calls one process works on at once."),
        "upstream_connections_max": Words("Connections to one remote server for short requests."),
        "upstream_streams_max": Words("Connections to one remote server for long streams."),
        "upstream_header_bytes_max": Words("Headers of one answer from a remote server."),
        "connect_seconds_max": Words("Time to connect to a remote server."),
    },
}
