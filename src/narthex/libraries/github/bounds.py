"""Every number that bounds something at GitHub, with its unit last.

Knows: sizes, counts and times. Refuses to know: who enforces them.
"""

KIB = 1024
MIB = 1024 * KIB

items_max = 50  # of one page of a list
pages_max = 1_000
answer_bytes_max = 8 * MIB  # one answer of GitHub, files apart
file_bytes_max = 5 * MIB  # a file that is looked into
blob_bytes_max = file_bytes_max * 3 // 2  # the same in base64, with what is around it
large_files_max = 2  # at the same time; files that come at once are not large
media_bytes_max = 1 * MIB  # a picture, or another file that is no text, in an answer
text_chars_max = 60_000  # of a file or of patches, in one answer: about 15,000 tokens
body_chars_max = 20_000  # the text of an issue or a pull request
comment_chars_max = 4_000
comments_max = 50
directory_files_max = 20  # read in one go
directory_fetches_max = 4  # at the same time
tree_entries_max = 1_000  # of a directory with all below it
decoded_at_once_bytes_max = 256 * KIB  # beyond it in a thread: nobody else waits for it
requests_max = 20  # under way at once; GitHub asks for few
redirects_max = 3
seconds_default = 30.0  # one request, from its first byte to the last of the answer
seconds_max = 120.0
write_pause_seconds = 1.0  # between two requests that change something, as GitHub asks
wait_seconds_max = 3_600  # a window of GitHub's is no longer, whatever an answer says
strike_seconds = 60.0  # after a secondary limit that does not say how long it holds; then doubled
strikes_max = 5
callers_max = 10_000  # whose limits are remembered
kept_bytes_max = 32 * MIB  # answers with their ETags
kept_answers_max = 1_000
kept_answer_bytes_max = 2 * MIB
etag_chars_max = 256
quoted_chars_max = 500  # of GitHub's own words in an error
