"""What each key of the configuration means, in words, with an example.

Knows: the sentences that the JSON Schema, the reference page and an editor's hover show. Refuses to know: types and
defaults; those come from the nouns in `model.config`. A test proves that no key lacks its words.
"""

from typing import NamedTuple


class Words(NamedTuple):
    text: str
    example: str = ""  # a YAML value, as it would stand after the colon


WORDS: dict[str, dict[str, Words]] = {
    "Config": {
        "name": Words("What the gateway calls itself towards clients.", "acme-tools"),
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
            "Who may call. Understood, not enforced in this version: `serve` refuses to start with it.",
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
        "headers": Words("Headers sent with every request to `upstream`.", '{Authorization: "Bearer ${CRM_TOKEN}"}'),
        "tools": Words(
            "The tools to offer, by name or glob. Absent: all. What is left out can be neither seen nor called.",
            '[search_repos, "get_*"]',
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
            "Scopes a caller needs. Understood, not enforced in this version: `serve` refuses to start with it.",
            '["crm:read"]',
        ),
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
        "names": Words(
            "`prefixed`: `<server>__<tool>`. `bare`: the tool's own name. "
            "Absent: bare with one server, prefixed with several.",
            "bare",
        ),
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
        "json_depth_max": Words("Nesting of a message."),
        "json_values_max": Words("Values in a message."),
        "json_string_bytes_max": Words("One string in a message."),
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
        "spawns_concurrent_max": Words("Commands that start at the same time."),
        "processes_per_server_max": Words("Processes of one command."),
        "line_bytes_max": Words("One line from a command."),
        "garbage_lines_max": Words("Lines from a command that are not messages, before it is restarted."),
        "calls_per_process_max": Words("Calls one process works on at once."),
        "upstream_connections_max": Words("Connections to one remote server for short requests."),
        "upstream_streams_max": Words("Connections to one remote server for long streams."),
        "upstream_header_bytes_max": Words("Headers of one answer from a remote server."),
        "connect_seconds_max": Words("Time to connect to a remote server."),
    },
}
