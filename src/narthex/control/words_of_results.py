"""The words of `control.words` for how large results may be, and for answers that are given again.

Knows: sentences. Refuses to know: types and defaults; those come from `model.rules`.
"""

from narthex.control.wording import Words

RESULT = Words(
    "How large a result may be, and what becomes of a larger one. The most specific place wins. Absent: only "
    "`limits.result_bytes_max` holds.",
    "{bytes_max: 40000, when_larger: truncate}",
)
CACHE = Words(
    "Whether answers of tools that only read (`readOnlyHint`) may be given again, and calls at the same time share "
    "one. The most specific place wins. Absent: every call is sent.",
    "{seconds: 60}",
)
SIZES = {
    "bytes_max": Words("Bytes of JSON that a result may have.", "40000"),
    "tokens_max": Words("The same in tokens, by the estimate of four bytes each.", "10000"),
    "when_larger": Words(
        "`truncate`: it is cut at the end of a JSON value or a line, with a note. `offload`: besides, the whole can "
        "be read page by page as a resource. `refuse`: the model is told to ask for less.",
        "offload",
    ),
    "hint": Words("How to ask this tool for less, in a few words. It ends the note.", '"limit=10"'),
    "keep_seconds": Words("How long what was put aside can be read.", "600"),
}
CACHING = {
    "seconds": Words("How old an answer may be. 0: none is kept, only calls at the same time share one.", "60"),
    "public": Words(
        "Answers are the same for every caller, so all share them. Without effect at a server that is called on behalf "
        "of each caller.",
        "true",
    ),
}
