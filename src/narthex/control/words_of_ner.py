"""The words of `control.words` for names of people and places.

Knows: sentences. Refuses to know: types and defaults; those come from `model.ner`.
"""

from narthex.control.wording import Words

NER = Words(
    "What finds names of people and places: Presidio with a spaCy model, in a process of its own. Rules of `redaction` "
    "then know them as kinds. Absent: they do not.",
    "{model: ./models/en_core_web_lg, entities: [PERSON, LOCATION]}",
)

WORDS: dict[str, dict[str, Words]] = {
    "NerConfig": {
        "model": Words(
            "A spaCy pipeline: the name of a package that is installed beside the gateway, or the path of a folder "
            "(with a `/` in it). None is ever downloaded.",
            "./models/en_core_web_lg",
        ),
        "language": Words("The language of the model.", "de"),
        "entities": Words(
            "What is looked for, as Presidio calls it. Rules call it the same in small letters: `person`, `location`, "
            "`organization`, `nrp` (nationality, religion, politics), `date_time`.",
            "[PERSON, LOCATION, ORGANIZATION]",
        ),
        "score": Words("Findings that the model is less sure of do not count.", "0.6"),
        "seconds": Words(
            "How long a call waits for it. So long, too, it may be silent over one batch of texts, before it is "
            "killed and started again.",
            "3",
        ),
        "when_gone": Words(
            "What becomes of calls while it is not there, too slow or broken: `refuse` them, or `allow` them to pass "
            "without it.",
            "allow",
        ),
        "memory_mb": Words("How much address space the process may have.", "4096"),
    }
}
