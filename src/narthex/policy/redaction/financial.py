"""Bank accounts and payment cards.

Knows: IBANs of every country that has them, and the ranges of the card schemes. Refuses to know: whether they exist.
"""

from narthex.policy.redaction.checksums import luhn, mod97
from narthex.policy.redaction.kind import Kind, digits_of, in_number

# ISO 13616 registry: country -> signs of the whole.
_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip


def _iban(text: bytes, start: int, end: int) -> int:
    """What follows an IBAN may look like more of it, so its country says where it ends."""
    length = _LENGTHS.get(text[start : start + 2].decode("latin-1").upper())
    if length is None:
        return 0
    signs: list[int] = []
    place = start
    while place < end and len(signs) < length:
        sign = text[place]
        if sign not in b" -":
            signs.append(sign)
        place += 1
    whole = bytes(signs).decode("latin-1").upper()
    if len(whole) < length or text[place : place + 1].isalnum() or not whole[2:4].isdigit():
        return 0
    return place if mod97(whole) else 0


def _card(text: bytes, start: int, end: int) -> int:
    digits = digits_of(text, start, end)
    if not luhn(digits) or digits.count(digits[:1]) == len(digits) or in_number(text, start, end):
        return 0
    return end


_FOUR = rb"(?:4[0-9]{3}|5[1-5][0-9]{2}|2[2-7][0-9]{2}|35[0-9]{2}|6011|64[4-9][0-9]|65[0-9]{2}|62[0-9]{2})"

KINDS = (
    Kind(
        "iban",
        "financial",
        rb"(?i)\b[A-Z]{2}[0-9]{2}[ \-]?[A-Z0-9]{1,4}[ \-]?[A-Z0-9]{4}",
        rb"(?i)\b[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]{1,4}){3,8}\b",
        _iban,
        weight=2,
    ),
    Kind(
        "card",
        "financial",
        rb"\b[2-6][0-9]{13}",
        rb"\b(?:4[0-9]{18}|" + _FOUR + rb"[0-9]{12}|62[0-9]{15,17}|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11})\b",
        _card,
        again=False,
    ),
    Kind(
        "card",
        "financial",
        rb"\b[2-6][0-9]{3}[ \-.]{1,2}[0-9]{4}",
        rb"\b(?:" + _FOUR + rb"(?:[ \-.]{1,2}[0-9]{4}){3}(?:[ \-][0-9]{3})?|3[47][0-9]{2}[ \-.][0-9]{6}[ \-.][0-9]{5}|"
        rb"3(?:0[0-5]|[689][0-9])[0-9][ \-.][0-9]{6}[ \-.][0-9]{4})\b",
        _card,
    ),
)
