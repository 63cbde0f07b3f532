"""What each limit that an operator may set is about, in words.

Knows: the sentences. Refuses to know: numbers (`limits.py`).
"""

from narthex.control.wording import Words

OF_LIMITS = {
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
    "processes_per_server_max": Words("Processes of one command; one of them is the gateway's own."),
    "processes_of_callers_max": Words("Processes that are one caller's or session's own, of all commands."),
    "process_idle_seconds_min": Words("How long a client's own process idles before it makes room for another."),
    "line_bytes_max": Words("One line from a command."),
    "garbage_lines_max": Words("Lines from a command that are not messages, before it is restarted."),
    "calls_per_process_max": Words("Calls one process works on at once."),
    "upstream_connections_max": Words("Connections to one remote server for short requests."),
    "upstream_streams_max": Words("Connections to one remote server for long streams."),
    "upstream_header_bytes_max": Words("Headers of one answer from a remote server."),
    "connect_seconds_max": Words("Time to connect to a remote server."),
}
