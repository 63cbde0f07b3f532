"""Every number that bounds anything, with its unit last, and the assertions that relate them.

Knows: sizes, counts and times. Refuses to know: who enforces them.
The first group can be set under `limits:` in the configuration; `Limits` holds what applies to one snapshot.
The others are part of how the gateway is built: changing one means reading the comment beside it first.
"""

import msgspec

KIB = 1024
MIB = 1024 * KIB


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The limits an operator may set (configuration key `limits:`). Sizes in bytes, times in seconds."""

    # HTTP, downstream
    header_bytes_max: int = 32 * KIB  # the request line and all headers of one request
    header_count_max: int = 100  # headers of one request
    header_field_bytes_max: int = 8 * KIB  # one header, name and value
    url_bytes_max: int = 4 * KIB  # path and query
    header_seconds_max: float = 10.0  # from the first byte of a request to the end of its headers
    body_seconds_max: float = 30.0  # from the end of the headers to the end of the body
    body_bytes_per_second_min: int = 1 * KIB  # judged after the first five seconds
    body_bytes_max: int = 4 * MIB  # one request
    keepalive_seconds_max: float = 75.0  # a connection between two requests
    connections_max: int = 10_000  # open connections of all callers
    connections_per_address_max: int = 2_000  # callers behind one proxy share an address
    inflight_max: int = 4_096  # requests in work at once; beyond it 503 at once
    # JSON
    json_depth_max: int = 64  # objects and arrays inside each other
    json_values_max: int = 100_000  # values in one message
    json_string_bytes_max: int = 1 * MIB  # one string
    json_keys_max: int = 10_000  # keys of one object
    json_growth_max: int = 20  # times its size that one message may take decoded, beside a first MiB
    # identity
    failed_credentials_per_minute_max: int = 10  # of one address, until it is told to wait; good ones always pass
    # calls
    call_seconds_max: float = 60.0  # silence of the server; progress extends it
    call_seconds_absolute_max: float = 900.0  # a whole call, whatever progress it reports
    result_bytes_max: int = 16 * MIB  # one answer of a server
    # streams
    sse_event_bytes_max: int = 16 * MIB  # one event may carry one whole result
    sse_stream_bytes_max: int = 64 * MIB  # all of one answer that comes as a stream
    sse_stream_events_max: int = 10_000  # events of one answer that comes as a stream
    stream_queue_bytes_max: int = 256 * KIB  # waiting to be read by one slow client
    stream_stalled_seconds_max: float = 30.0  # a client that reads nothing
    listen_seconds_max: float = 3_600.0  # one subscription stream; the client opens the next
    listens_per_principal_max: int = 1_000  # subscription streams of one caller
    # legacy sessions downstream
    sessions_max: int = 10_000  # legacy sessions
    session_idle_seconds_max: float = 1_800.0  # a legacy session without a request or stream
    # lists taken from servers
    list_pages_max: int = 100  # pages of one list
    list_items_max: int = 10_000  # entries of one list
    list_bytes_max: int = 16 * MIB  # one list, all pages
    schema_bytes_max: int = 256 * KIB  # one schema of a tool
    schema_depth_max: int = 32  # levels of one schema
    schema_nodes_max: int = 2_000  # parts of one schema
    description_chars_max: int = 16 * KIB  # one description
    # stdio servers
    spawns_concurrent_max: int = 4  # servers being started at once, and as many again that are slow to start
    processes_per_server_max: int = 8  # processes of one server
    process_idle_seconds_min: float = 30.0  # a client's own process; then it may have to make room for another's
    line_bytes_max: int = 16 * MIB  # one message on a pipe
    garbage_lines_max: int = 100  # lines that are no message, before the process is given up
    calls_per_process_max: int = 64  # calls in work in one process
    # upstream HTTP
    upstream_connections_max: int = 256  # to one server, for requests
    upstream_streams_max: int = 1_000  # to one server, for long streams
    upstream_header_bytes_max: int = 64 * KIB  # headers of one answer of a server
    connect_seconds_max: float = 5.0  # name look-up, connection and TLS


# downstream face
known_heads_max = 512  # heads remembered by a listener, so that the next like it need not be parsed
known_head_bytes_max = 2 * KIB
accept_backlog_max = 2_048
lazy_stream_seconds = 1.0  # a call slower than this answers as a stream, so that header timeouts do not bite
keepalive_comment_seconds = 15.0
drain_accept_seconds = 1.0  # keep accepting while a load balancer takes us out
drain_seconds_max = 60.0
body_rate_grace_seconds = 5.0  # before the rate of a body is judged
linger_seconds = 2.0  # reading on after a refusal, so that a reset does not overtake the answer
stop_seconds_max = 2.0  # for requests to end once they are cancelled
lingering_connections_max = 256  # over `connections_max`; beyond them nobody is told why
stream_gulp_bytes_max = 1 * MIB  # over the queue of a stream whose server was stopped: uvloop reads 250 KiB at once
pipelined_bytes_max = 64 * KIB  # sent ahead of an answer, kept unread
chunked_splits_max = 1_000  # empty lines inside one chunked body before we give up keeping its connection
door_memory_max = 1_000  # pairs of Host and Origin known to be welcome
retry_after_seconds = 1
sweep_seconds = 0.25  # one clock tick serves every deadline of a room; timers per call cost a microsecond each
request_id_chars_max = 256
json_digits_max = 1 * KIB  # of one number
usual_call_bytes_max = json_digits_max  # a call up to here needs none of the closer looks at long texts
known_metas_max = 1_024  # distinct `_meta` remembered, so that the next like it need not be read
known_meta_bytes_max = 2 * KIB
json_growth_free_bytes = 1 * MIB  # what any message may take decoded, whatever its shape
mirrored_value_bytes_max = 4 * KIB
batch_size_max = 50  # revision 2025-03-26 only
page_items_max = 1_000  # many older clients never follow nextCursor
page_bytes_max = 8 * MIB  # a page ends here too, after at least one item
cursor_seconds_max = 3_600.0
resumption_events_max = 256  # of one stream
resumption_streams_max = 16  # of one session
resumption_bytes_max = 1 * MIB  # of one stream, after at least one event
resumption_all_bytes_max = 64 * MIB  # of all streams of all sessions; beyond it the most silent one loses what it has
resumption_seconds_max = 300.0  # since the last event
resumptions_max = 20  # of one answer of a server, each after its stream broke off
resumption_retry_ms = 1_000  # when a client comes back for the rest of a stream
session_token_seconds = 7 * 86_400.0
sessions_ended_max = 100_000  # tokens known to be void before they expire; beyond it the oldest are forgotten
sessions_compared_max = 32  # looked at when one has to make room for another
session_requests_max = 256  # requests of one client on one channel (HTTP+SSE, stdio) in work at once
questions_open_max = 64  # server-to-client requests waiting in one session
session_id_bytes_max = 400
cursor_bytes_max = 512
request_state_bytes_max = 64 * KIB  # ours wraps the server's, whose size we do not choose
request_state_seconds_max = 3_600.0
list_values_max = 600_000  # commas in one page of a server's list, so entries too: 50 ms at most to tell them apart
# names and text
answer_depth_max = 64  # objects and arrays inside each other in one member of a server's answer
tool_name_chars_max = 64
private_name_chars_max = 1_024  # a server's own name of a thing; longer ones fit into no header
item_values_max = 50_000  # values in one entry of a list: 10 ms at most to read it
item_depth_max = 120  # JSON levels of one entry of a list; some clients read no more than 128 in one message
item_uri_chars_max = 4 * KIB
schema_expanded_nodes_max = 100_000  # once each `$ref` is counted with what it leads to: about 10 ms of checking
declared_scopes_max = 32  # that a server may say one of its tools requires
judged_callers_max = 1_024  # callers whose claims the operator's rules have read, kept ready
policy_context_bytes_max = 64 * KIB  # of arguments, as rules read them: about 5 ms
policy_file_bytes_max = 256 * KIB  # a thousand rules; each costs a microsecond of every call
policy_depth_max = 16  # objects and lists inside each other, in arguments that rules read
scopes_said_max = 12  # in one sentence; the machine's data have all of them
sights_per_endpoint_max = 256  # distinct sets of scopes for which an endpoint's lists are kept ready
problems_per_server_max = 50  # told to the operator one by one; beyond, they are counted
nearest_names_max = 3  # offered where a name is unknown
nearest_compared_max = 64  # names compared closely; the comparison is slow, and strangers choose the name
instructions_chars_max = 8 * KIB
instructions_per_server_chars_max = 2 * KIB
error_text_chars_max = 4 * KIB
# subscriptions
notice_coalesce_seconds = 0.2
resource_subscriptions_max = 1_000
progress_per_second_max = 50
# caching hints we give outward
list_ttl_ms_max = 30_000
degraded_ttl_ms_max = 5_000
# servers behind us
known_names_max = 4_096  # names whose header lines are kept ready
remembered_name_chars_max = 256  # the header lines of shorter names are kept ready
known_answer_heads_max = 64  # heads of answers remembered per server, so that the next like it need not be parsed
known_answer_head_bytes_max = 1 * KIB
probe_http_seconds_max = 5.0
probe_stdio_seconds_max = 10.0
start_seconds_max = 60.0  # a first `npx` or `uvx` start downloads the package
place_seconds_max = 5.0  # a start that takes longer counts as slow: it waits for the network, or hangs
era_record_seconds_max = 3_600.0
catalogue_refresh_seconds = 300.0
first_refresh_seconds = 0.01  # between two servers whose catalogues are known from before a restart
restart_seconds_min = 1.0
restart_seconds_max = 60.0
restarts_before_pause_max = 5
pause_seconds = 60.0
idle_stop_seconds = 900.0
stop_stdin_seconds = 2.0
stop_term_seconds = 3.0
stderr_ring_bytes_max = 64 * KIB
stderr_lines_per_second_max = 20
stderr_line_bytes_max = 4 * KIB  # what of one line is shown; the ring keeps it whole
stderr_tail_lines_max = 20
garbage_sample_bytes_max = 200
secret_chars_min = 4  # a shorter secret is not hidden in the log: its signs are everywhere
secret_line_chars_min = 8  # one line of a secret of several
stop_kill_seconds = 2.0  # what SIGKILL cannot end by then waits for a device, and is left to its keeper
nursery_close_seconds_max = 10.0  # beyond the five that it gives its keepers
restart_window_seconds = 60.0  # restarts are counted over it; a run that lasted as long counts as healthy
runs_remembered_max = 16
pipe_read_bytes = 64 * KIB  # one read, and so one turn of one server; a pipe holds no more by default
pipe_reads_at_end_max = 64  # a dead server's pipe is empty after a few; a stranger who holds it may write for ever
stdin_queued_bytes_max = 8 * MIB  # beside one message of any size, which an empty queue always takes
stdout_queued_bytes_max = 64 * MIB  # the same for our own output: a client that does not read
upstream_idle_connection_seconds_max = 30.0
upstream_connections_reserved = 16  # never taken by calls whose answer became a long stream
upstream_addresses_tried_max = 8
upstream_idle_probe_seconds = 1.0  # idle for longer: ask the kernel whether the server has closed it meanwhile
upstream_idle_margin_seconds = 1.0  # before the moment at which a server says it closes: our request must travel
upstream_linger_seconds_max = 1.0  # for the end of a stream whose answer we already have, to keep the connection
upstream_linger_bytes_max = 4 * KIB
upstream_joined_bytes_max = 64 * KIB  # up to here one copy of the body is cheaper than a second write
breaker_failures_max = 5  # failures to reach a server, in a row
breaker_open_seconds = 10.0
first_list_seconds_max = 5.0  # how long the very first lists wait for servers never seen before
stream_standing_seconds_max = 1.0  # until the GET stream of a session stands, on which its server may ask
reconnect_seconds_min = 0.5
reconnect_seconds_max = 30.0
# the record of calls
log_lines_queued_max = 10_000
log_flush_seconds = 0.1
log_slice_lines_max = 64  # formatted between two turns of the loop: about 0.2 ms
log_close_seconds_max = 2.0  # a terminal that does not read must not keep the process alive
log_value_chars_max = 4 * KIB
log_name_chars_max = 256
metric_slice_samples_max = 100  # rendered by the scrape's thread before it lets the loop have the interpreter
metric_slice_pause_seconds = 0.0002
loop_delay_sample_seconds = 0.1
metric_tools_max = 5_000  # beyond it, calls count under tool="other"
config_bytes_max = 8 * MIB
# the state folder
catalogue_file_bytes_max = 64 * MIB  # four lists of one server
era_records_max = 5_000
state_lock_seconds_max = 5.0
sealing_keys_kept = 2  # the one that seals and the one before it, which still opens
# API keys
api_keys_max = 10_000  # beyond it, those that are void longest are forgotten
api_key_name_chars_max = 128
api_key_days_max = 3_660  # of a key that is to expire at all
api_key_days = 90  # of a key of which the operator does not say how long it lives
api_key_scopes_max = 100  # of one key
api_key_look_seconds = 0.4  # a look costs some microseconds; a revoked key is refused within a second
api_key_blind_seconds_max = 5.0  # without a look, after which no key is good: it may have been revoked
api_key_use_seconds = 5.0  # between two writings of when keys were last used
api_key_overlap_seconds = 86_400.0  # of the old key and the new one, unless the operator says otherwise
failed_credentials_addresses_max = 10_000  # addresses whose failures are counted; the oldest make room
# callers named by a proxy or a certificate
forwarded_callers_max = 10_000  # remembered, so that the next request of one need not be read
# identity: what a request shows
credential_bytes_max = 8 * KIB  # a token, a key or a proof
subject_chars_max = 255  # OpenID Connect Core, 2
token_clock_leeway_seconds = 30.0  # clocks of issuers and ours
token_lifetime_seconds_max = 86_400.0  # a token that lives longer can hardly be taken back
token_audiences_max = 10
token_kid_chars_max = 128
token_depth_max = 16  # objects and arrays inside each other in header or claims
token_scopes_max = 256
scopes_told_max = 16  # of those a caller has, in the sentence that says which are missing
verified_tokens_max = 20_000  # remembered as good, so that the next request with the same need not be checked
verified_seconds_max = 60.0  # since it was checked
vouched_callers_max = 10_000  # callers without a token, remembered with whoever vouches for them
verified_key_seconds_max = 1.0  # the same for our own keys: one that is revoked is refused within a second
# identity: issuers and their keys
rsa_bits_min = 2_048
rsa_bits_max = 8_192  # beyond it one signature takes milliseconds
issuer_keys_max = 256  # in one set; it is refused whole beyond
issuer_keys_seconds_max = 600.0  # a set is fetched anew at half of it in the background, and waited for beyond it
issuer_keys_stale_seconds_max = 86_400.0  # the last good set is used for so long while its issuer is down
issuer_unknown_key_seconds = 30.0  # between two fetches that are made because of a key nobody knows
issuer_unknown_keys_max = 1_024  # of one issuer, remembered as not there
issuer_unknown_keys_seconds_max = 300.0
issuer_retry_seconds_min = 1.0  # after a fetch that failed; doubled each time
issuer_retry_seconds_max = 30.0
issuer_metadata_seconds_max = 3_600.0
signatures_tried_max = 4  # keys of one set that may have signed one token
introspections_max = 64  # questions to one issuer at once
inactive_tokens_max = 1_024  # of one issuer, remembered as no longer good
inactive_tokens_seconds_max = 10.0
proof_seconds_max = 60.0  # the age of a DPoP proof
proof_id_chars_max = 256
proofs_remembered_max = 100_000  # so that none is shown twice; when no more fit, further ones are refused
# documents fetched on somebody's word
fetched_bytes_max = 256 * KIB
fetched_values_max = 20_000
fetched_depth_max = 16
fetch_seconds_max = 5.0
# the authorization server inside
sign_in_form_chars_max = 8 * KIB  # the sealed request in a page's form; a whole URL of 4 KiB fits
sign_in_form_seconds_max = 600.0  # a page that waits for its reader, and a login at another provider
sign_in_body_bytes_max = 64 * KIB  # a form, or a client that registers
sign_in_fields_max = 64  # of one form or query
sign_in_cookie_chars_max = 8 * KIB
sign_in_requests_max = 64  # in work at once; beyond it 503 at once
questions_per_address_max = 120  # of clients, through browsers; one comes back every half second
questions_per_address_seconds = 0.5
sign_in_failures_per_address_max = 20  # wrong passwords and secrets; one comes back every fifteen seconds
sign_in_failures_per_address_seconds = 15.0
sign_in_failures_per_user_max = 10  # wrong passwords for one name; one comes back every minute
sign_in_failures_per_user_seconds = 60.0
familiar_browser_days = 180  # in which wrong passwords are counted apart, once somebody has signed in
sign_in_counted_max = 10_000  # addresses and names whose failures are counted; the oldest make room
sign_ins_max = 10_000  # browsers signed in; the oldest make room
sign_ins_per_user_max = 20
sign_ins_pending_max = 1_000  # browsers sent to another provider; the oldest make room
password_threads_max = 2  # passwords compared at once, each with 64 MiB and some 50 ms of a processor
passwords_waiting_max = 32  # beyond it 503 at once
password_chars_min = 8
password_bytes_max = 1 * KIB
password_memory_kib_max = 256 * KIB  # that a hash in a file may ask for
password_rounds_max = 16
users_file_bytes_max = 4 * MIB
users_max = 10_000
user_roles_max = 100
grant_token_chars_max = 512  # a code or a refresh token
kept_claim_bytes_max = 1 * KIB  # one claim of a person, copied into our tokens; a larger one is left out
code_seconds_max = 60.0
grants_max = 50_000  # that live; nobody new is let in beyond
grants_per_user_max = 200  # the oldest make room
consents_per_user_max = 200
registered_clients_max = 5_000  # the one that was never let in makes room, the oldest first
registered_client_idle_days = 90  # a registration that nobody used for so long is forgotten
registered_client_unused_seconds = 86_400.0  # one through which nobody has ever logged in
registrations_per_address_max = 30  # one comes back every ten seconds
registrations_per_address_seconds = 10.0
redirect_uris_max = 16  # of one client
redirect_uri_chars_max = 2 * KIB
client_name_chars_max = 80
client_id_chars_max = 1 * KIB  # a URL may be one
client_documents_max = 256  # kept, and as many that were not good
client_document_seconds = 600.0
client_document_bad_seconds = 30.0
client_document_fetches_max = 8  # at once
client_document_fetch_seconds_max = 5.0
client_documents_per_address_max = 30  # fetched for one address; one comes back every ten seconds
client_documents_per_address_seconds = 10.0
signing_key_seconds = 30 * 86_400.0  # a key signs for so long
signing_key_ahead_seconds = 3_600.0  # and is published so long before it signs
signing_key_look_seconds = 60.0  # whether it is time for the next one
access_token_seconds_max = 3_600.0
oauth_look_seconds = 0.5  # a look for what other processes took back
# credentials for servers
access_token_bytes_max = 16 * KIB  # issuers put whole directories into theirs
access_token_seconds = 300.0  # the life of one whose issuer does not say
access_token_seconds_max = 86_400.0
access_token_refresh_share = 0.8  # of its life, after which another is asked for in the background
access_token_margin_seconds = 10.0  # before its end, from which on it is not shown any more; a tenth of a short life
access_token_wait_seconds_max = 30.0  # for everything it takes to get one
access_token_refused_seconds = 10.0  # a token got because the one before was refused, and is refused too, stays so long
access_token_retry_seconds_min = 1.0  # after one could not be got; doubled each time
access_token_retry_seconds_max = 60.0
access_token_told_seconds = 300.0  # until the operator is told the same reason again
access_tokens_per_server_max = 10_000  # got on behalf of callers
access_tokens_looked_at_max = 8  # for those that are over, whenever one is added
step_ups_max = 4  # times that more scopes are asked for, of one token
assertion_seconds = 60.0  # the life of what proves that we are a client
challenge_bytes_max = 8 * KIB
challenge_scopes_max = 64
issuer_error_chars_max = 200  # of what an issuer says of a refusal
header_claim_bytes_max = 1 * KIB  # a claim or a client's header that goes to a server
carried_headers_max = 16  # names of clients' headers that one server asks for
secret_look_seconds = 1.0  # between two looks at a file that holds a credential
conversations_of_callers_max = 1_000  # with one server, each of one caller alone
conversation_idle_seconds_max = 600.0
# the admin address
admin_connections_max = 64
admin_body_bytes_max = 256 * KIB
admin_answer_bytes_max = 16 * MIB  # what a command of ours reads of an answer
admin_seconds_max = 30.0  # how long it waits for one
admin_keepalive_seconds_max = 15
admin_stop_seconds_max = 2
config_depth_max = 64
config_values_max = 1_000_000  # a file of aliases can grow a thousandfold; five thousand servers are 100,000 values
secret_bytes_max = 64 * KIB  # a file named by ${file:…}; a certificate bundle fits
reload_look_seconds = 2.0  # a handful of `stat` calls, for file systems that tell nothing
reload_settle_seconds = 0.25  # editors and orchestrators replace a file in several steps

DEFAULTS = Limits()

assert DEFAULTS.header_field_bytes_max <= DEFAULTS.header_bytes_max
assert DEFAULTS.url_bytes_max <= DEFAULTS.header_bytes_max
assert DEFAULTS.json_string_bytes_max <= DEFAULTS.body_bytes_max
assert DEFAULTS.call_seconds_max <= DEFAULTS.call_seconds_absolute_max
assert DEFAULTS.result_bytes_max <= DEFAULTS.sse_event_bytes_max <= DEFAULTS.sse_stream_bytes_max
assert DEFAULTS.result_bytes_max <= DEFAULTS.line_bytes_max
assert keepalive_comment_seconds < DEFAULTS.call_seconds_max
assert upstream_connections_reserved < DEFAULTS.upstream_connections_max
assert restart_seconds_min <= restart_seconds_max
assert restarts_before_pause_max < runs_remembered_max
assert stderr_line_bytes_max <= stderr_ring_bytes_max
assert resumption_bytes_max < DEFAULTS.result_bytes_max < resumption_all_bytes_max
assert degraded_ttl_ms_max <= list_ttl_ms_max
assert rsa_bits_min < rsa_bits_max
assert verified_key_seconds_max <= verified_seconds_max < token_lifetime_seconds_max
assert issuer_retry_seconds_max <= issuer_keys_seconds_max <= issuer_keys_stale_seconds_max
