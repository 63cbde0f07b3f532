"""Numbers that a state gives to a person: of many countries, those that can be told from other numbers.

Knows: forms, dates inside of them, check digits. Refuses to guess: a row of digits whose check one in ten or eleven
other rows would pass counts only where it is written in a form of its own, or where its name stands before it.
"""

from collections.abc import Callable

from narthex.policy.redaction.checksums import luhn, mod11_10, verhoeff, weighted
from narthex.policy.redaction.kind import Check, Kind, alnum_of, digits_of, in_number

_ZERO = 48


def _checked(good: Callable[[bytes], bool]) -> Check:
    """By the digits alone, and never as a part of a longer number."""

    def check(text: bytes, start: int, end: int) -> int:
        digits = digits_of(text, start, end)
        if digits.count(digits[:1]) == len(digits) or in_number(text, start, end):
            return 0
        return end if good(digits) else 0

    return check


def _lettered(good: Callable[[bytes], bool]) -> Check:
    def check(text: bytes, start: int, end: int) -> int:
        return end if good(alnum_of(text, start, end)) else 0

    return check


def _is_date(month: bytes, day: bytes) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


# ---- America


def _us_ssn(digits: bytes) -> bool:
    """Social Security: no area 000 or 666, no group 00, no serial 0000. 9xx is a taxpayer's."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if area in (b"000", b"666") or group == b"00" or serial == b"0000":
        return False
    return area[:1] != b"9" or 50 <= int(group) <= 99


def _br_cpf(digits: bytes) -> bool:
    first = weighted(digits, range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(digits, range(11, 1, -1)) * 10 % 11 % 10
    return digits[9:] == bytes((first + _ZERO, second + _ZERO))


def _cl_rut(signs: bytes) -> bool:
    body, check = signs[:-1], signs[-1:]
    total = sum((digit - _ZERO) * (2 + place % 6) for place, digit in enumerate(reversed(body)))
    return check == b"0123456789K0"[11 - total % 11 :][:1] if total % 11 else check == b"0"


# ---- Europe


def _be_rrn(digits: bytes) -> bool:
    body, check = int(digits[:9]), int(digits[9:])
    return check in (97 - body % 97, 97 - (2_000_000_000 + body) % 97) and int(digits[2:4]) % 20 <= 12


def _bg_egn(digits: bytes) -> bool:
    return weighted(digits[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == digits[9] - _ZERO and _is_date(
        b"%02d" % (int(digits[2:4]) % 20), digits[4:6]
    )


def _ch_ahv(digits: bytes) -> bool:
    return weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def _cz_number(digits: bytes) -> bool:
    month = int(digits[2:4])
    return len(digits) == 10 and int(digits) % 11 == 0 and _is_date(b"%02d" % (month % 50 % 20), digits[4:6])


def _de_tax_id(digits: bytes) -> bool:
    """One digit of the first ten comes twice or three times, the others at most once (§ 139b AO)."""
    counts = sorted(digits[:10].count(b"%d" % digit) for digit in range(10))
    return digits[:1] != b"0" and counts[-2:] in ([1, 2], [1, 3]) and mod11_10(digits)


def _dk_cpr(digits: bytes) -> bool:
    return _is_date(digits[2:4], digits[:2])


def _es_dni(signs: bytes) -> bool:
    number = signs[:-1].translate(bytes.maketrans(b"XYZ", b"012"))
    return b"TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == signs[-1]


def _fi_hetu(signs: bytes) -> bool:
    number = signs[:6] + signs[-4:-1]
    return (
        number.isdigit()
        and _is_date(signs[2:4], signs[:2])
        and (b"0123456789ABCDEFHJKLMNPRSTUVWXY"[int(number) % 31] == signs[-1])
    )


def _fr_nir(signs: bytes) -> bool:
    body = signs[:13].replace(b"2A", b"19").replace(b"2B", b"18")
    month = int(body[3:5])
    return (1 <= month <= 12 or 20 <= month <= 42 or 50 <= month <= 99) and 97 - int(body) % 97 == int(signs[13:])


def _gb_nhs(digits: bytes) -> bool:
    return weighted(digits, range(10, 0, -1)) % 11 == 0


def _gb_nino(signs: bytes) -> bool:
    return signs[:2] not in (b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ")


_ODD_VALUES = (
    1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22,
    25, 24, 23,
)  # fmt: skip
_ODD = dict(zip(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", _ODD_VALUES, strict=True))


def _it_fiscal_code(signs: bytes) -> bool:
    odd = sum(_ODD[sign] for sign in signs[:15:2])
    even = sum(sign - _ZERO if sign < 58 else sign - 65 for sign in signs[1:15:2])
    return (odd + even) % 26 == signs[15] - 65


def _nl_bsn(digits: bytes) -> bool:
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def _no_number(digits: bytes) -> bool:
    first = -weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return digits[9:] == b"%d%d" % (first, second) and 1 <= int(digits[2:4]) % 40 <= 12


def _pl_pesel(digits: bytes) -> bool:
    return weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0 and _is_date(
        b"%02d" % (int(digits[2:4]) % 20), digits[4:6]
    )


def _pt_nif(digits: bytes) -> bool:
    rest = weighted(digits, range(9, 1, -1)) % 11
    return digits[8] - _ZERO == (0 if rest < 2 else 11 - rest)


def _ro_cnp(digits: bytes) -> bool:
    return weighted(digits, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11 % 10 == digits[12] - _ZERO and _is_date(
        digits[3:5], digits[5:7]
    )


def _se_number(digits: bytes) -> bool:
    digits = digits[-10:]
    return luhn(digits) and 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) % 60 <= 31


# ---- Asia, Africa, Australia


def _cn_id(signs: bytes) -> bool:
    total = weighted(signs[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return b"10X98765432"[total % 11] == signs[17] and _is_date(signs[10:12], signs[12:14])


def _il_id(digits: bytes) -> bool:
    return luhn(digits.rjust(9, b"0"))


def _in_aadhaar(digits: bytes) -> bool:
    return digits[:1] not in b"01" and verhoeff(digits)


def _kr_rrn(digits: bytes) -> bool:
    return _is_date(digits[2:4], digits[4:6]) and digits[6:7] in b"12345678"


def _sg_nric(signs: bytes) -> bool:
    total = weighted(signs[1:8], (2, 7, 6, 5, 4, 3, 2)) + (4 if signs[:1] in b"TG" else 3 if signs[:1] == b"M" else 0)
    letters = {
        b"S": b"JZIHGFEDCBA",
        b"T": b"JZIHGFEDCBA",
        b"F": b"XWUTRQPNMLK",
        b"G": b"XWUTRQPNMLK",
        b"M": b"XWUTRQPNJLK",
    }
    place = total % 11
    return letters[signs[:1]][10 - place if signs[:1] == b"M" else place] == signs[8]


def _tr_id(digits: bytes) -> bool:
    values = [digit - _ZERO for digit in digits]
    tenth = (7 * sum(values[:9:2]) - sum(values[1:8:2])) % 10
    return values[0] != 0 and values[9] == tenth and values[10] == sum(values[:10]) % 10


def _za_id(digits: bytes) -> bool:
    return luhn(digits) and _is_date(digits[2:4], digits[4:6])


def _au_tfn(digits: bytes) -> bool:
    return len(digits) == 9 and weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def _called(names: bytes, number: bytes) -> bytes:
    """The number behind its name, as prose and as JSON have it."""
    return (
        rb"(?i)\b(?:"
        + names
        + rb")[a-z_]{0,8}[^0-9A-Za-z]{1,6}(?:(?:is|no|nr|number|nummer|value)[^0-9A-Za-z]{1,6}){0,2}"
        rb"(" + number + rb")\b"
    )


def _own(name: str, pattern: bytes, check: Check | None, gate: bytes = b"") -> Kind:
    return Kind(name, "identity", gate or pattern, pattern, check)


def _behind(name: str, names: bytes, number: bytes, check: Check | None) -> Kind:
    return Kind(name, "identity", rb"(?i)\b(?:" + names + rb")", _called(names, number), check, inner=True, weight=2)


KINDS = (
    _own("us_ssn", rb"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", _checked(_us_ssn)),
    _behind(
        "us_ssn", rb"ssn|social security|itin|taxpayer", rb"[0-9]{3}[ \-]?[0-9]{2}[ \-]?[0-9]{4}", _checked(_us_ssn)
    ),
    _behind("ca_sin", rb"sin|social insurance|nas", rb"[1-9][0-9]{2}[ \-]?[0-9]{3}[ \-]?[0-9]{3}", _checked(luhn)),
    _own("br_cpf", rb"\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b", _checked(_br_cpf)),
    _behind("br_cpf", rb"cpf", rb"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}", _checked(_br_cpf)),
    _own("cl_rut", rb"\b[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9kK]\b", _lettered(_cl_rut)),
    _own("be_rrn", rb"\b[0-9]{2}\.[0-9]{2}\.[0-9]{2}-[0-9]{3}\.[0-9]{2}\b", _checked(_be_rrn)),
    _behind("be_rrn", rb"rijksregister|registre national|nrn|rrn|niss|insz", rb"[0-9]{11}", _checked(_be_rrn)),
    _behind("bg_egn", rb"egn|\xd0\x95\xd0\x93\xd0\x9d", rb"[0-9]{10}", _checked(_bg_egn)),
    _own("ch_ahv", rb"\b756[. ]?[0-9]{4}[. ]?[0-9]{4}[. ]?[0-9]{2}\b", _checked(_ch_ahv)),
    _own("cz_number", rb"\b[0-9]{2}[0-8][0-9][0-3][0-9]/[0-9]{4}\b", _checked(_cz_number)),
    _behind(
        "de_tax_id",
        rb"steuer-?id|steueridentifikationsnummer|idnr|tax[ _-]?id|tin",
        rb"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}",
        _checked(_de_tax_id),
    ),
    _own("de_tax_id", rb"\b[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}\b", _checked(_de_tax_id)),
    _own("dk_cpr", rb"\b[0-3][0-9][01][0-9]{3}-[0-9]{4}\b", _checked(_dk_cpr)),
    _own("es_dni", rb"\b(?:[0-9]{8}|[XYZ][0-9]{7})-?[A-HJ-NP-TV-Z]\b", _lettered(_es_dni)),
    _own("fi_hetu", rb"\b[0-3][0-9][01][0-9]{3}[+\-A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]\b", _lettered(_fi_hetu)),
    _own(
        "fr_nir", rb"\b[12] ?[0-9]{2} ?[0-9]{2} ?(?:[0-9]{2}|2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b", _lettered(_fr_nir)
    ),
    _behind("gb_nhs", rb"nhs", rb"[0-9]{3}[ \-]?[0-9]{3}[ \-]?[0-9]{4}", _checked(_gb_nhs)),
    _own(
        "gb_nino", rb"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b", _lettered(_gb_nino)
    ),
    _behind("gr_amka", rb"amka|\xce\x91\xce\x9c\xce\x9a\xce\x91", rb"[0-9]{11}", _checked(luhn)),
    _own(
        "it_fiscal_code",
        rb"(?i)\b[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]\b",
        _lettered(_it_fiscal_code),
    ),
    _behind(
        "nl_bsn",
        rb"bsn|burgerservicenummer|sofinummer|citizen service",
        rb"[0-9]{9}|[0-9]{4}[. ][0-9]{2}[. ][0-9]{3}",
        _checked(_nl_bsn),
    ),
    _own("no_number", rb"\b[0-7][0-9][0-9]{4} [0-9]{5}\b", _checked(_no_number)),
    _behind(
        "no_number",
        rb"f\xc3\xb8dselsnummer|fodselsnummer|fnr|personnummer",
        rb"[0-9]{6} ?[0-9]{5}",
        _checked(_no_number),
    ),
    _own("pl_pesel", rb"\b[0-9]{2}[0-3][0-9][0-3][0-9]{6}\b", _checked(_pl_pesel)),
    _behind("pt_nif", rb"nif|contribuinte", rb"[1235689][0-9]{2} ?[0-9]{3} ?[0-9]{3}", _checked(_pt_nif)),
    _own("ro_cnp", rb"\b[1-9][0-9]{2}[01][0-9][0-3][0-9]{7}\b", _checked(_ro_cnp)),
    _own("se_number", rb"\b(?:19|20)?[0-9]{2}[01][0-9][0-9]{2}[\-+][0-9]{4}\b", _checked(_se_number)),
    _own("cn_id", rb"\b[1-9][0-9]{5}(?:19|20)[0-9]{2}[01][0-9][0-3][0-9]{4}[0-9Xx]\b", _lettered(_cn_id)),
    _behind("il_id", rb"teudat zehut|israeli id|\xd7\xaa\xd7\x96", rb"[0-9]{9}", _checked(_il_id)),
    _own("in_aadhaar", rb"\b[2-9][0-9]{3}[ \-][0-9]{4}[ \-][0-9]{4}\b", _checked(_in_aadhaar)),
    _behind("in_aadhaar", rb"aadhaar|aadhar|uidai", rb"[2-9][0-9]{3} ?[0-9]{4} ?[0-9]{4}", _checked(_in_aadhaar)),
    _own("in_pan", rb"\b[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]\b", None),
    _own("kr_rrn", rb"\b[0-9]{2}[01][0-9][0-3][0-9]-[1-8][0-9]{6}\b", _checked(_kr_rrn)),
    _own("sg_nric", rb"\b[STFGM][0-9]{7}[A-Z]\b", _lettered(_sg_nric)),
    _behind("tr_id", rb"t\.?c\.? ?kimlik|tckn|kimlik no", rb"[1-9][0-9]{10}", _checked(_tr_id)),
    _own("za_id", rb"\b[0-9]{2}[01][0-9][0-3][0-9] ?[0-9]{4} ?[01][89][0-9]\b", _checked(_za_id)),
    _behind("au_tfn", rb"tfn|tax file", rb"[0-9]{3} ?[0-9]{3} ?[0-9]{3}", _checked(_au_tfn)),
    _own("mx_curp", rb"\b[A-Z][AEIOUX][A-Z]{2}[0-9]{2}[01][0-9][0-3][0-9][HMX][A-Z]{5}[A-Z0-9][0-9]\b", None),
)
