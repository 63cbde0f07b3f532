"""Texts made to be slow, to break JSON, or to slip through: from a seed, as many as are asked for."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

# Beginnings and middles of what is searched for, and signs that mean something to JSON, to patterns, to Unicode.
PIECES = (
    "a",
    "A",
    "0",
    "1",
    "4",
    "9",
    "@",
    ".",
    "-",
    "_",
    "+",
    ":",
    "/",
    " ",
    "\n",
    "\t",
    "\\",
    '"',
    "'",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    "<",
    ">",
    ",",
    ";",
    "=",
    "%40",
    "&#64;",
    "\u200b",
    "\u00ad",
    "\u00a0",
    "–",
    "４",
    "١",
    "＠",
    "＂",
    "é",
    "字",
    "😀",
    "\u2028",
    "\x00",
    "\x7f",
    "a@",
    "a@a.",
    "@a.b",
    "a.b.c.",
    "a@b.cd",
    "x@y.zz ",
    "4111 ",
    "4111-1111-",
    "4444",
    "4111111111111111",
    "411111111111111",
    "1.1.1.1.",
    "1.1.1.1 ",
    "10.0.0.1",
    "::",
    ":1:",
    "a:b:",
    "fe80::1",
    "+49",
    "+1 ",
    "00",
    "0 0 ",
    "01 ",
    "030/",
    "(0",
    "(415) ",
    "415-555-",
    "phone: ",
    "tel ",
    "tel:1",
    "DE89",
    "DE89 3704 ",
    "AA00",
    "GB82 WEST ",
    "eyJ",
    "eyJa.",
    "eyJhbGciOi.eyJ",
    "-----BEGIN ",
    "-----BEGIN PRIVATE KEY-----",
    "-----END ",
    "-",
    "--",
    "password=",
    "password: ",
    'secret":"',
    "api_key: ",
    "Bearer ",
    "bearer bearer ",
    "://",
    "http://a:",
    "a://b:c@",
    "a:b@c ",
    "AKIA",
    "AKIAAAAAAAAAAAAAAAAA",
    "ghp_",
    "sk-",
    "sk-ant-",
    "xoxb-",
    "SG.",
    "npm_",
    "hf_",
    "123-45-6789 ",
    "000-00-0000 ",
    "123456-7890",
    "756.",
    "bsn ",
    "bsn 1",
    "sin:",
    "nas ",
    "nhs is is ",
    "‹email:",
    "‹",
    "[email]",
    "\\n",
    "\\u0040",
    "\\\\",
    '\\"',
    '{"a":',
    '["',
    '"]',
    '"}',
    '{"a":"',
    "[[[",
    "]]]",
    "null",
    "true",
    "1e400",
    "-0",
)


def texts(count: int, seed: int, size_max: int = 200) -> Iterator[str]:
    """Small ones, of every make."""
    random = Random(seed)
    for _ in range(count):
        yield _text(random, random.randint(1, size_max))


def large(seed: int, size: int = 100_000) -> Iterator[tuple[str, str]]:
    """One hundred thousand signs of each piece, and of many mixtures of two and three."""
    random = Random(seed)
    for piece in PIECES:
        yield piece, (piece * (size // len(piece) + 1))[:size]
    for _ in range(120):
        unit = "".join(random.choice(PIECES) for _ in range(random.randint(2, 4)))
        yield unit, (unit * (size // len(unit) + 1))[:size]
    for _ in range(20):
        yield "mixture", _text(random, size)


def _text(random: Random, size: int) -> str:
    form = random.randrange(4)
    if form == 0:
        unit = "".join(random.choice(PIECES) for _ in range(random.randint(1, 3)))
        found = unit * (size // len(unit) + 1)
    elif form == 1:
        pieces = random.sample(PIECES, 4)
        found = "".join(random.choice(pieces) for _ in range(size))
    else:
        found = "".join(random.choice(PIECES) for _ in range(size // 2 + 1))
    return found[:size]


def wrapped(random: Random, text: str) -> Any:
    """The text in one of the places a result has: a value, a key, text of JSON in text."""
    form = random.randrange(6)
    if form == 0:
        return text
    if form == 1:
        return {text: text, text[::-1]: [text]}
    if form == 2:
        return [{"type": "text", "text": json.dumps({"a": text}, ensure_ascii=random.random() < 0.5)}]
    if form == 3:
        return {"a": json.dumps([json.dumps({"b": text})]), "n": [4111111111111111, 1.5, -0.0, text]}
    if form == 4:
        return {"text": f'see {{"a": "{text}", "n": 4111111111111111}}'}
    return [text, text, {"b": {"c": text}}]
