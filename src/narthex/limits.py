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
    processes_of_callers_max: int = 64  # each of one caller or session alone, of all servers together
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
known_head_bytes_max = 2 * KIB  # without the credential
known_credential_bytes_max = 4 * KIB  # in a head that is remembered
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
declared_scopes_max = 32  # that a server may say one of its things requires
guarded_templates_max = 64  # that require more than their server does; each read looks at all of them
uri_escapes_max = 3  # times over that something in a URI may be escaped, and is still seen through
uri_spellings_max = 24  # ways to read one URI; what has more requires all that anything there does
learnt_tools_max = 1_024  # of one server, whose refusals are remembered
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
local_calls_max = 256  # calls at work in one server that runs inside the gateway
local_stop_seconds_max = 2.0  # for its functions to end once they are cancelled
local_start_seconds_max = 60.0  # for its code, its document or its database to be loaded
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
breaker_failures_max = 5  # requests without an answer, in a row, until a caller's own process is stopped
breaker_failures_kept_max = 10_000  # of one server, in the window over which their share is counted
retry_share = 0.1  # of all calls to a server that may be sent a second time, whatever the reason
retries_ahead_max = 10  # beyond that share, at once
retry_pause_seconds = 0.05  # before a server that took no connection is tried again
waiting_share = 4  # the part of `inflight_max`, a fourth, that may wait for one server
first_list_seconds_max = 5.0  # how long the very first lists wait for servers never seen before
stream_standing_seconds_max = 1.0  # until the GET stream of a session stands, on which its server may ask
reconnect_seconds_min = 0.5
reconnect_seconds_max = 30.0
# limits on calls
tallies_max = 50_000  # of one process; one that owes nothing makes room, or is leased anew when it is needed
tallies_looked_at_max = 64  # in search of one that can make room
tally_idle_seconds = 600.0
session_slots_max = 16  # sessions of one caller that are counted apart; more of them share
lease_ahead_seconds = 10.0  # a lease is to last so long, where the limit is large enough
lease_share_alone = 4  # the part of a limit that one lease may take: a fourth, while nobody else counts here
lease_share = 8  # an eighth of one's own part, among several
calendar_look_seconds = 0.05  # which day it is, where clocks may be set: looked up as often
lease_quota_share = 64
quota_calls_ahead_min = 1_000  # in one lease of a quota, where its part allows that
quota_calls_ahead_max = 100_000  # where they are used up within a second
leases_at_once_max = 256  # asked of whoever keeps the counts in one go
counters_kept_max = 1_000_000  # buckets on disk that are not full; beyond it new callers share one for each limit
counters_sweep_seconds = 30.0  # between two looks for buckets that are full, and so can be forgotten
counters_forgotten_at_once_max = 10_000
boot_id_seconds_max = 2.0
quota_kept_days = 62  # counts of days and months that are over
counters_lock_seconds_max = 1.0
worker_seen_seconds = 30.0  # a process that has leased nothing for so long counts no more
shared_beat_seconds = 1.0
shared_beats_missed_max = 3  # the clock of a shared store is believed no further than so many beats at once
shared_bucket_kept_seconds = 7_200  # beyond the time it takes to fill, should the server's clock be set forward
shared_connect_seconds_min = 2.0
shared_retry_seconds_min = 0.5
shared_retry_seconds_max = 5.0
sentences_told_max = 1_000  # remembered, so that they are not said again at once
warnings_told_seconds = 60.0  # until the operator is told of the same limit again that it would have refused calls
# arguments and results against schemas
validation_ns_max = 30_000_000  # of one check: nobody else gets a turn meanwhile; what would take longer is not done
validation_states_max = 4_096  # ways in which the parts of one schema are applied together, for one look at its cost
effort_states_kept_max = 256  # of those, for the next look: about a kilobyte each
explained_ns_max = 300_000  # of checking, up to which every error is listed: to say one costs fifty times more
narrowed_ns_max = 2_000_000  # of checking, up to which the first error is looked for: some fifty times that
weighed_bytes_min = 64 * KIB  # of a request, from which on the cost of checking it is worked out in a thread
patterns_max = 200  # of one schema
patterns_large_max = 8
pattern_chars_max = 2 * KIB
pattern_small_bytes_max = 16 * KIB  # of a compiled pattern, as most are
pattern_bytes_max = 256 * KIB  # of a larger one
pattern_steps_max = 10_000  # tries at one place of a text, of a pattern that looks around
compiled_schema_bytes = 8 * KIB  # a compiled schema, beside what its text makes
compiled_schema_growth = 16  # times its text
compiled_schemas_bytes_max = 16 * MIB  # of all that are kept; about 1,000 tools that are called
compilations_max = 2  # at one time
schema_walk_max = 10_000  # values looked at to put some of them right; what lies beyond stays as it came
errors_said_max = 10  # of one call, in words; all are counted
error_value_chars_max = 60  # of a value, in a sentence about it
error_pointer_chars_max = 200
error_names_max = 12  # of allowed names or values
errors_branch_max = 4  # of one alternative, in a sentence about it
# the record of calls
log_lines_queued_max = 10_000
log_flush_seconds = 0.1
log_slice_lines_max = 64  # formatted between two turns of the loop: about 0.2 ms
log_close_seconds_max = 2.0  # a terminal that does not read must not keep the process alive
log_value_chars_max = 4 * KIB
log_name_chars_max = 256
log_words_kept_max = 4_096  # of calls' lines: of each tool and outcome that was written lately
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
# what an operator has stopped
stops_max = 1_000  # that hold at one time
stops_kept_max = 1_000  # the last ones, also those that are over
stop_name_chars_max = 512
stop_reason_chars_max = 300  # callers read it
stop_days_max = 366  # of one that ends by itself
stop_look_seconds = 0.4  # between two looks at what is stopped: it counts within a second
stop_blind_seconds_max = 5.0  # without a look, after which every call is refused: its thing may have been stopped
# definitions that are pinned
pins_waiting_max = 8  # of one tool that nobody has decided about; the oldest make room
pins_per_server_max = 20_000  # definitions kept of one server; beyond it, new ones are not kept, and stay unapproved
pin_look_seconds = 0.4  # a look costs some microseconds; what somebody decided elsewhere holds within a second
pin_blind_seconds_max = 5.0  # without a look, after which nothing under quarantine is shown
definitions_scored_at_once = 100
definition_scores_kept_max = 50_000
pins_bytes_per_server_max = 64 * MIB  # of definitions kept of one server; likewise
decider_chars_max = 200  # of the name of whoever decides by the admin address
definition_notes_max = 5  # of one sort and server, of which the operator is told by name
definition_places_max = 20_000  # schemas compared in one definition: about half a second
definition_depth_max = 100  # schemas inside each other, references followed, that are compared
definition_said_chars_max = 400  # of one value in one line of a diff
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
verified_tokens_max = 30_000  # remembered as good; of those in use, half as many are never checked again too early
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
# the connect page, and the question that leads to it
connect_link_chars_max = 256  # what a link says of for whom it was made
connect_link_seconds = 3_600.0
connect_visit_chars_max = 2 * KIB  # who is at a browser, in its cookie
connect_visit_seconds_max = 3_600.0  # then an API key, or a login elsewhere, is asked for again
connect_question_seconds_max = 600.0  # a call that is held while its user is at the page, where its client allows it
connect_held_seconds_max = 25.0  # a repeated call that waits for a grant before its client is asked again
connect_questions_max = 8  # times one call is asked for a grant, however often its client repeats it
connect_tries_max = 3  # of one request, whose grants turn out not to be enough
connect_notes_max = 16  # servers of which the instructions say that they have to be connected first
connect_news_max = 1_000  # clients of 2025-11-25 that are told when a grant has come for which they were asked
# credentials for servers
access_token_bytes_max = 16 * KIB  # issuers put whole directories into theirs
access_token_seconds = 300.0  # the life of one whose issuer does not say
shown_token_seconds_max = 86_400.0
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
# grants of users at servers, and the vault they are kept in
connections_per_owner_max = 100  # grants of one user
vault_grants_max = 100_000  # of everybody
connect_flow_seconds_max = 600.0  # from the click to the coming back
connect_flows_per_owner_max = 8  # begun and not come back from; the oldest make room
connect_flows_max = 10_000  # of everybody; nobody begins another beyond
connect_code_chars_max = 4 * KIB  # of what comes back: code, state, issuer, error
account_chars_max = 128  # of how an issuer calls the owner of a grant
connect_unanswered_max = 5  # flows begun with one registration and not come back from, before a new one is made
connect_wait_seconds_max = 30.0  # for everything it takes to find out where to send a browser
issuers_tried_max = 4  # of those that a server names, until one can be used
regrants_max = 2  # times that an owner is asked anew for the same, because what was given did not help
refused_grants_seconds = 600.0  # a grant that a server refuses within it, and the one before too, was given in vain
vault_clients_max = 10_000  # registrations of ours at issuers; the oldest make room
vault_look_seconds = 0.5  # a look for what other processes changed; it costs some microseconds
vault_gone_seconds = 3_600.0  # so long it is known what was taken out
vault_told_seconds = 5.0  # a grant may be written so long after it was given
vault_lease_seconds = 10.0  # one process at a time renews a grant
vault_lease_poll_seconds = 0.1
vault_keys_max = 8  # that open: the one that seals, and those before it
renewals_max = 32  # grants renewed at once in the background
lenders_tried_max = 16  # grants looked at for one with which a server can be asked for its lists
renewals_looked_at_max = 256  # due, taken from the vault at once
renewal_retry_seconds_max = 900.0  # after a grant could not be renewed; doubled each time
assertion_seconds = 60.0  # the life of what proves that we are a client
challenge_bytes_max = 8 * KIB
challenge_scopes_max = 64
issuer_error_chars_max = 200  # of what an issuer says of a refusal
header_claim_bytes_max = 1 * KIB  # a claim or a client's header that goes to a server
carried_headers_max = 16  # names of clients' headers that one server asks for
secret_look_seconds = 1.0  # between two looks at a file that holds a credential
secret_command_seconds_max = 15.0  # until a command has told a secret; it is ended then
secret_command_retry_seconds = 5.0  # after a command told none, before it is run again
secret_command_refused_seconds = 10.0  # between two runs that are made because what a command told was refused
secret_kept_seconds = 300.0  # what a command told is used for so long, unless the operator says otherwise
secret_kept_seconds_max = 86_400.0  # that an operator may say
conversations_of_callers_max = 1_000  # with one server, each of one caller alone
conversation_idle_seconds_max = 600.0
# redaction
redaction_findings_free = 500  # in one answer, beyond `findings_per_kb` of the rule: a page of a list has fewer
redaction_findings_per_kb = 16  # and so many for each kilobyte, where the rule does not say
redaction_passes_free = 10  # kinds in one text; each further one costs as much as one thing found in each kilobyte
redaction_nesting_max = 4  # JSON in a text of JSON in a text of JSON
redaction_thread_bytes_min = 64 * KIB  # an answer from here on is looked through beside the event loop
redaction_memory_bytes_max = 32 * MIB  # of the search for all patterns of one rule
redaction_pattern_memory_bytes_max = 8 * MIB  # of the search for one
redaction_patterns_max = 64  # the operator's own, in one rule
redaction_paths_max = 256  # of members, in one rule
redaction_engines_max = 256  # distinct rules kept compiled
redaction_tail_chars_max = 256  # of a call's last message: a secret may begin in one and end in the next
redaction_token_value_bytes_max = 4 * KIB  # what one token may stand for; longer things are masked
redaction_tokens_per_holder_max = 10_000  # of one caller, on disk; the oldest make room
redaction_tokens_max = 200_000  # of all callers
redaction_tokens_in_memory_max = 20_000  # of those, known without looking
redaction_sealed_chars_max = 12 * KIB
redaction_signs_known_max = 4_096  # signs, and rows of escapes, of which it is remembered what they look like
redaction_keys_numbered_max = 10_000  # distinct things in the keys of one answer, told apart by a number
# names, looked for in a process beside
ner_call_bytes_max = 256 * KIB  # of the texts of one message
ner_batch_bytes_max = 32 * KIB  # handed over at one time; a single text may be longer
ner_batch_texts_max = 256
ner_waiting_bytes_max = 4 * MIB  # of all calls that wait
ner_start_seconds_max = 120.0  # until it has read its model
# results that are too large for whoever reads them
token_bytes = 4  # of text are about one token: an estimate, for English and for JSON, of no model in particular
result_rule_bytes_min = 4 * KIB  # that an operator may bound a result to: less would hold the note and nothing else
result_note_bytes = 768  # kept free for the note, beside what the operator and the address of the rest add to it
result_cuts_told_max = 8  # places of a result that was shortened, named in its `_meta`
result_cut_bytes_min = 64  # a text of fewer is not cut
result_levels_opened_max = 24  # of a JSON text that is shortened
result_values_max = 200_000  # of a JSON text that is shortened: opened, each takes some hundred bytes
result_compared_bytes_max = (
    1 * MIB
)  # a text that may say the same as the structured content; larger ones are not compared
result_effort_times_max = 40  # its size that may be read to shorten it
offloaded_bytes_max = 128 * MIB  # of all results that wait to be read, in memory
offloaded_per_holder_bytes_max = 32 * MIB  # of one caller; its oldest make room
offloaded_results_max = 2_000
offloaded_token_chars_max = 256
# answers that are given again
kept_answers_bytes_max = 64 * MIB  # in memory; the oldest make room
kept_answers_max = 10_000
kept_answer_bytes_max = 1 * MIB  # one of them; larger ones are asked for every time
kept_answer_own_bytes = 1 * KIB  # what keeping one takes beside its text
kept_answers_sweep_seconds = 5.0  # between two looks for what is too old
# databases
sql_queries_max = 500  # of one server
sql_parameters_max = 50  # of one query
sql_text_bytes_max = 64 * KIB  # one query as it is written
sql_forms_max = 64  # statements of one query, where names stand for columns or tables that a caller chooses
sql_rows_default = 1_000  # of one answer, where the query does not say
sql_rows_max = 10_000  # that a query may say
sql_bytes_default = 1 * MIB  # of one answer's values, where the query does not say
sql_bytes_max = 8 * MIB  # that a query may say
sql_value_bytes_max = 16 * MIB  # one text or binary value that SQLite makes; others are bounded by what they send
sql_columns_max = 500  # of one answer
sql_seconds_default = 10.0  # from the wait for a connection to the last row, where the query does not say
sql_seconds_max = 300.0  # that a query may say
sql_connect_seconds_max = 5.0  # name look-up, connection, TLS, greeting, and the proof that it can only read
sql_cancel_seconds_max = 2.0  # for a database to obey; then the connection is thrown away
sql_connections_default = 5  # to one database at once, where the operator does not say
sql_connections_sqlite = 16  # the same to a file of SQLite: they cost little, and calls wait for each other less
sql_connections_max = 50  # that an operator may say
sql_away_seconds = 5.0  # a database that is away is tried again so often, whether anybody calls or not
sql_waiting_max = 200  # calls that wait for a connection to one database
sql_idle_seconds_max = 300.0  # a connection that nobody uses
sql_prepared_max = 100  # statements that one connection keeps prepared
sql_fetch_rows = 32  # fetched at once from PostgreSQL
sql_fetch_rows_min = 16  # in the first look at an answer, whose rows may be large
sql_fetch_bytes = 256 * KIB  # about so much is fetched at once afterwards
sql_string_bytes_max = 64 * KIB  # one text given as an argument, where the parameter does not say
sql_binary_bytes_max = 1 * MIB  # one binary value given as an argument
sql_list_items_default = 100  # of a list given as an argument, where the parameter does not say
sql_list_items_max = 10_000  # that a parameter may say
sql_digits_max = 100  # of a decimal number given as an argument
sql_years_max = 1_000  # that one time range may span
sql_tables_max = 100  # that are shown as resources
sql_sample_rows_max = 20
sql_row_settings_max = 20  # that row security reads
sql_setting_bytes_max = 4 * KIB  # one of them
sql_embedded_memory_bytes_max = 512 * MIB  # of one DuckDB database, with all its queries
sql_embedded_threads_max = 2
# HTTP APIs
openapi_document_bytes_max = 64 * MIB  # GitHub's has 12
openapi_fetch_seconds_max = 60.0  # for a document under a URL
openapi_depth_max = 200  # objects and lists inside each other
openapi_yaml_values_max = 1_000_000  # with what aliases stand for; JSON is bounded by its bytes
openapi_operations_max = 5_000  # of one document
openapi_reference_hops_max = 20  # from one `$ref` to the next
openapi_schema_bytes_max = 32 * KIB  # a tool's schema, about 8,000 tokens; what is named beyond is left open
openapi_schema_levels_max = 12  # of one schema, without what it names
openapi_property_chars_max = 400  # what a model is told of one argument
openapi_hint_chars_max = 80  # of one that is left open
openapi_description_chars_max = 1_500  # what it is told of one operation
openapi_argument_chars_max = 64  # the name of one argument; no provider takes longer ones
openapi_example_bytes_max = 200  # larger examples cost a model more than they tell
openapi_problems_max = 20  # told one by one; beyond, they are counted
http_target_bytes_max = 8 * KIB  # path and query of one request; servers take no more
http_header_value_bytes_max = 4 * KIB  # one header that a model fills in
http_request_bytes_max = 4 * MIB  # the body of one request
http_answer_bytes_max = 4 * MIB  # one answer
http_answer_depth_max = 100  # objects and lists inside each other in it
http_binary_bytes_max = 1 * MIB  # an image, a sound or a file that is handed to a model
http_error_chars_max = 1_000  # what of a refusal's body a model is told
http_accepted_types_max = 5  # forms of an answer that are asked for, of JSON and of others
http_redirects_max = 5
http_pages_max = 50  # fetched for one call
http_requests_max = 200  # that one server writes down
http_nesting_max = 20  # objects and lists inside each other in an argument
# texts that speak to the model
poison_thread_bytes_min = 8 * KIB  # an answer from here on is looked through for poison beside the event loop
poison_words_kept_max = 200  # of one definition that might be names of tools; with more, all is read anew each time
poison_words_chars_min = 10  # of a member's name in an answer, from which on it may say something
poison_kinds_said_max = 5  # in one refusal
poison_pause_seconds = 0.0002  # after each definition that is scored: the loop has the interpreter first
poison_score_alarm = 0.5  # from here on a definition or a text is called suspicious; measured in docs/definitions.md
poison_texts_max = 20_000  # of one definition
poison_definition_bytes_max = 512 * KIB  # of all texts of one; what is beyond is not looked at, and the verdict says so
poison_text_bytes_max = 1 * MIB  # of one text that a tool brings; likewise
poison_near_bytes = 1_500  # findings in one text that stand further apart do not add up
poison_findings_max = 32  # that one verdict tells
poison_excerpt_chars_max = 120
poison_sights_per_phrase_max = 64  # of one phrase, in one text
poison_hidden_seen_max = 64  # of one sort of hidden sign, in one text
poison_neighbours_seen_max = 64  # names of others' tools, in one text
poison_disguises_max = 32  # stretches that are decoded, in one text
poison_decoded_bytes_max = 16 * KIB  # of one such stretch
poison_signs_known_max = 4_096  # of which it is remembered what they look like
poison_nesting_max = 2  # disguises inside of each other
# approvals
approval_arguments_bytes_max = 16 * KIB  # as they are shown: nobody says yes to what they cannot read
approval_question_seconds_max = 600.0  # a call that is held while its own user is asked
approval_waits_max = 200  # calls held at one time while an operator decides; others end as pending at once
approval_look_seconds = 0.25  # between two looks for what was decided elsewhere, while calls are held
approvals_pending_per_caller_max = 20  # requests that wait for an operator
approvals_pending_max = 1_000  # of all callers
approvals_listed_max = 5_000
approval_tickets_max = 200_000  # answers that came back with a call, and are remembered; beyond it, none is taken
approval_kept_seconds = 604_800.0  # so long it is shown what became of a request
approval_hooks_max = 64  # messages to the webhook under way
approval_hook_tries_max = 4
approval_hook_retry_seconds = 0.5  # doubled each time
# the audit log
audit_segment_bytes_min = 64 * KIB
audit_line_bytes_max = 64 * KIB  # one record
audit_arguments_bytes_max = 16 * KIB  # redacted arguments of one record; larger ones are left out, their digest stays
audit_head_records = 1_000  # between two signed heads: a signature costs 50 us
audit_head_seconds = 5.0  # after which new records are signed, however few
audit_tick_seconds = 0.25  # of the thread that watches over writes
audit_blocked_seconds = 1.0  # a write that takes longer has failed, whatever it says in the end
audit_retry_seconds = 1.0  # between two attempts at another file
audit_housekeeping_seconds = 600.0  # between two looks at what is to be compressed or removed
audit_close_seconds_max = 10.0
audit_read_bytes = 256 * KIB
audit_unbroken_bytes_max = 4 * MIB  # without an end of line, read as one damaged record
audit_chains_named_max = 256  # of a folder, whose ends a new chain names
audit_retired_max = 10_000  # chains that are remembered as removed
audit_findings_max = 100  # of one chain, told one by one
audit_together_calls_min = 8  # in the air, from which on ends of one turn of the event loop are written together
audit_follow_seconds = 0.2  # between two looks at what was written
audit_refusals_per_minute_max = 600  # of callers who were not let in; beyond, they are counted
usage_fold_seconds = 1.0  # between two looks at what was written
usage_fold_records = 256  # at a time: the thread that sums them keeps the event loop waiting for half a millisecond
usage_stretch_keys_max = 10_000  # sums of a running gateway in memory; above, the log is read instead
usage_catch_up_records = 4_096  # at a time, where no loop waits
audit_follow_bytes_max = 1 * MIB  # of one chain, read in one look
audit_sink_batch_records_max = 500
audit_sink_seconds_max = 5.0  # for one step of sending
audit_sink_retry_seconds_min = 0.5
audit_sink_retry_seconds_max = 60.0
audit_sink_answer_bytes_max = 64 * KIB
audit_datagram_bytes_max = 60 * KIB
# tools for other APIs than MCP
model_schema_nodes_max = 4_000  # parts of one schema once every `$ref` is written out; the rest is left open
model_schema_depth_max = 48  # levels of it
model_schema_chars_max = 1 * MIB  # of its names, values and descriptions, once they are written out
model_variants_max = 32  # of one argument, where the alternatives at a root become one object
model_note_chars_max = 400  # of one keyword that moves into a description
model_calls_max = 256  # tool calls taken from one answer of a model
model_text_chars_max = 16 * KIB  # of a model's text, where calls are looked for in it
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

assert 5 * result_note_bytes <= result_rule_bytes_min
assert openapi_schema_bytes_max <= DEFAULTS.schema_bytes_max
assert http_binary_bytes_max <= http_answer_bytes_max <= DEFAULTS.result_bytes_max // 2
assert sql_rows_default <= sql_rows_max
assert sql_bytes_default <= sql_bytes_max <= DEFAULTS.result_bytes_max // 2  # an answer says its rows twice
assert sql_connect_seconds_max < sql_seconds_default <= sql_seconds_max <= DEFAULTS.call_seconds_absolute_max
assert sql_connections_default <= sql_connections_sqlite <= sql_connections_max
assert sql_sample_rows_max <= sql_rows_default
assert ner_batch_bytes_max <= ner_call_bytes_max <= ner_waiting_bytes_max
assert kept_answer_bytes_max + kept_answer_own_bytes <= kept_answers_bytes_max
assert DEFAULTS.result_bytes_max <= offloaded_per_holder_bytes_max <= offloaded_bytes_max
assert audit_arguments_bytes_max < audit_line_bytes_max <= audit_segment_bytes_min
assert audit_line_bytes_max < audit_follow_bytes_max <= audit_unbroken_bytes_max
assert audit_sink_retry_seconds_min < audit_sink_retry_seconds_max
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
assert fetch_seconds_max < vault_lease_seconds < access_token_wait_seconds_max
assert verified_key_seconds_max <= verified_seconds_max < token_lifetime_seconds_max
assert lease_share_alone <= lease_share <= lease_quota_share
assert shared_beat_seconds * shared_beats_missed_max < worker_seen_seconds
assert issuer_retry_seconds_max <= issuer_keys_seconds_max <= issuer_keys_stale_seconds_max
