"""Texts in which it is known what may not leave the house, and texts that only look as if something were in them.

Everything follows from a seed: the same texts on every machine. People, companies and numbers are made up.
"""

import json
import string
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple

import redaction_numbers as numbers

SEED = 20_260_728


class Planted(NamedTuple):
    """One text, the kind in it, and where."""

    kind: str
    text: str
    value: str


class Lookalike(NamedTuple):
    """A text with nothing in it."""

    kind: str
    text: str


Make = Callable[[Random], str]

_FIRST = (
    "anna",
    "björn",
    "chloé",
    "david",
    "élodie",
    "fatima",
    "giorgos",
    "hiroshi",
    "ines",
    "jan",
    "kateřina",
    "luca",
)
_LAST = (
    "schmidt",
    "oconnor",
    "garcía",
    "nguyen",
    "müller",
    "rossi",
    "kowalski",
    "dubois",
    "van.dijk",
    "andersson",
    "silva",
)
_HOSTS = (
    "example.com",
    "example.org",
    "mail.example.co.uk",
    "firma.example.de",
    "société.example.fr",
    "corp.example.io",
    "xn--mller-kva.example.de",
    "kunde-service.example.at",
    "a.example.museum",
)


def _ascii(word: str) -> str:
    return word.translate(str.maketrans("öéíüř", "oeiur"))


def _email(random: Random) -> str:
    first, last = random.choice(_FIRST), random.choice(_LAST)
    local = random.choice(
        (f"{first}.{last}", f"{first[0]}{last}", f"{first}_{last}+list", f"{last}{random.randint(1, 99)}")
    )
    if random.random() < 0.8:
        local = _ascii(local)
    return f"{local}@{random.choice(_HOSTS)}"


# As people of these countries write them: # is any digit, N one from 2 to 9.
_PHONES = (
    "+49 30 ########",
    "+49 (0)30 #######",
    "+49-171-#######",
    "0049 30 #######",
    "030 / ########",
    "0171 #######",
    "(089) ######",
    "+43 1 #######",
    "+41 44 ### ## ##",
    "044 ### ## ##",
    "+33 1 ## ## ## ##",
    "01 ## ## ## ##",
    "06.##.##.##.##",
    "+33(0)6########",
    "+44 20 #### ####",
    "020 #### ####",
    "07700 9#####",
    "+44 (0)161 ### ####",
    "+1 415 555 ####",
    "(415) 555-####",
    "415-555-####",
    "415.555.####",
    "1-800-555-####",
    "+1 (NNN) NNN-####",
    "+34 6## ## ## ##",
    "+34 9## ### ###",
    "+39 06 #### ####",
    "+39 3## ### ####",
    "+31 6 ########",
    "020-#######",
    "+32 2 ### ## ##",
    "+48 ### ### ###",
    "+46 8 ### ### ##",
    "08-### ### ##",
    "+47 ## ## ## ##",
    "+45 ## ## ## ##",
    "+358 40 ### ####",
    "+351 21 ### ####",
    "+30 21# #######",
    "+420 ### ### ###",
    "+36 1 ### ####",
    "+40 21 ### ####",
    "+7 495 ###-##-##",
    "8 (495) ###-##-##",
    "+380 44 ### ####",
    "+90 212 ### ## ##",
    "+972-3-###-####",
    "+971 4 ### ####",
    "+91 98### #####",
    "+86 138 #### ####",
    "+81 3-####-####",
    "03-####-####",
    "090-####-####",
    "+82 2-###-####",
    "+65 #### ####",
    "+61 2 #### ####",
    "(02) #### ####",
    "04## ### ###",
    "+64 21 ### ####",
    "+55 11 9####-####",
    "(11) 9####-####",
    "+52 55 #### ####",
    "+54 11 ####-####",
    "+27 11 ### ####",
    "+20 2 ########",
    "+234 803 ### ####",
)


def _phone(random: Random) -> str:
    def sign(found: str) -> str:
        return random.choice("23456789") if found == "N" else random.choice(string.digits) if found == "#" else found

    while True:
        found = "".join(map(sign, random.choice(_PHONES)))
        if "11" not in found[:9]:  # no area code of America has them
            return found


_IBANS = {
    "DE": 22,
    "FR": 27,
    "GB": 22,
    "NL": 18,
    "ES": 24,
    "IT": 27,
    "AT": 20,
    "CH": 21,
    "BE": 16,
    "PL": 28,
    "SE": 24,
    "NO": 15,
    "DK": 18,
    "FI": 18,
    "PT": 25,
    "IE": 22,
    "GR": 27,
    "CZ": 24,
    "HU": 28,
    "RO": 24,
    "BG": 22,
    "HR": 21,
    "LU": 20,
    "MT": 31,
    "TR": 26,
    "SA": 24,
    "AE": 23,
    "IL": 23,
    "BR": 29,
    "UA": 29,
}


def _iban(random: Random) -> str:
    country = random.choice(list(_IBANS))
    found = numbers.iban(random, country, _IBANS[country])
    form = random.randrange(4)
    if form == 0:
        return found
    if form == 1:
        return found.lower()
    grouped = [found[start : start + 4] for start in range(0, len(found), 4)]
    return (" " if form == 2 else "-").join(grouped)


_CARDS = (
    ("4", 16),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("2720", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("65", 16),
    ("36", 14),
    ("3528", 16),
)


def _card(random: Random) -> str:
    prefix, length = random.choice(_CARDS)
    found = numbers.with_luhn(prefix + numbers.digits(random, length - 1 - len(prefix)))
    form = random.randrange(3)
    if form == 0:
        return found
    cuts = (4, 10) if length in (14, 15) else (4, 8, 12)
    pieces = [found[start:end] for start, end in zip((0, *cuts), (*cuts, None), strict=True)]
    return (" " if form == 1 else "-").join(pieces)


def _signs(random: Random, alphabet: str, count: int) -> str:
    return "".join(random.choice(alphabet) for _ in range(count))


_ALNUM = string.ascii_letters + string.digits
_B64 = _ALNUM + "-_"
_HEX = "0123456789abcdef"


def _pem(random: Random) -> str:
    body = "\n".join(_signs(random, _ALNUM + "+/", 64) for _ in range(random.randint(3, 8)))
    kind = random.choice(("RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "))
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"


def _ipv6(random: Random) -> str:
    groups = ["2001", "db8", *(_signs(random, _HEX, random.randint(1, 4)) for _ in range(6))]
    return ":".join(groups) if random.random() < 0.5 else ":".join(groups[:3]) + "::" + groups[-1]


def _ipv4(random: Random) -> str:
    return f"{random.choice((10, 172, 192, 203, 8, 85))}." + ".".join(str(random.randint(1, 254)) for _ in range(3))


# Those that are found wherever they stand.
ANYWHERE: dict[str, Make] = {
    "email": _email,
    "phone": _phone,
    "iban": _iban,
    "card": _card,
    "ip": lambda random: _ipv4(random) if random.random() < 0.6 else _ipv6(random),
    "mac": lambda random: random.choice(":-").join(_signs(random, _HEX, 2) for _ in range(6)),
    "us_ssn": lambda random: f"{random.randint(100, 665)}-{random.randint(10, 99)}-{random.randint(1000, 9999)}",
    "br_cpf": lambda random: "{}{}{}.{}{}{}.{}{}{}-{}{}".format(*numbers.cpf(random)),
    "cl_rut": lambda random: "{}{}.{}{}{}.{}{}{}-{}".format(*numbers.rut(random)),
    "be_rrn": lambda random: "{}{}.{}{}.{}{}-{}{}{}.{}{}".format(*numbers.rrn_be(random)),
    "ch_ahv": lambda random: "{}{}{}.{}{}{}{}.{}{}{}{}.{}{}".format(*numbers.ahv(random)),
    "de_tax_id": lambda random: "{}{} {}{}{} {}{}{} {}{}{}".format(*numbers.steuer_id(random)),
    "es_dni": numbers.dni,
    "fi_hetu": numbers.hetu,
    "fr_nir": numbers.nir,
    "gb_nino": lambda random: "{} {} {} {} {}".format(
        random.choice(("AB", "CE", "JK", "PR")), *(random.randint(10, 99) for _ in range(3)), random.choice("ABCD")
    ),
    "it_fiscal_code": numbers.codice_fiscale,
    "pl_pesel": numbers.pesel,
    "ro_cnp": numbers.cnp,
    "se_number": numbers.personnummer,
    "cn_id": numbers.cn_id,
    "in_aadhaar": lambda random: "{}{}{}{} {}{}{}{} {}{}{}{}".format(*numbers.aadhaar(random)),
    "sg_nric": numbers.nric,
    "za_id": numbers.za_id,
    "private_key": _pem,
    "jwt": lambda random: f"eyJ{_signs(random, _B64, 33)}.eyJ{_signs(random, _B64, 80)}.{_signs(random, _B64, 43)}",
    "aws_key": lambda random: f"AKIA{_signs(random, string.ascii_uppercase + '234567', 16)}",
    "github_token": lambda random: f"ghp_{_signs(random, _ALNUM, 36)}",
    "gitlab_token": lambda random: f"glpat-{_signs(random, _B64, 20)}",
    "slack_token": lambda random: (
        f"xoxb-{numbers.digits(random, 12)}-{numbers.digits(random, 12)}-{_signs(random, _ALNUM, 24)}"
    ),
    "stripe_key": lambda random: f"sk_live_{_signs(random, _ALNUM, 24)}",
    "google_key": lambda random: f"AIza{_signs(random, _B64, 35)}",
    "openai_key": lambda random: f"sk-proj-{_signs(random, _B64, 64)}",
    "anthropic_key": lambda random: f"sk-ant-api03-{_signs(random, _B64, 93)}AA",
    "npm_token": lambda random: f"npm_{_signs(random, _ALNUM, 36)}",
    "sendgrid_key": lambda random: f"SG.{_signs(random, _B64, 22)}.{_signs(random, _B64, 43)}",
    "url_credentials": lambda random: f"svc{random.randint(1, 99)}:{_signs(random, _ALNUM + '!-.', 14)}",
}

# Those that are told from other numbers by their name alone.
BEHIND_THEIR_NAME: dict[str, tuple[tuple[str, ...], Make]] = {
    "nl_bsn": (("BSN", "burgerservicenummer"), numbers.bsn),
    "gb_nhs": (("NHS number", "nhs_no"), numbers.nhs),
    "no_number": (("fødselsnummer", "fnr"), numbers.fodselsnummer),
    "tr_id": (("TCKN", "kimlik no"), numbers.tckn),
    "au_tfn": (("TFN", "tax file number"), numbers.tfn),
    "pt_nif": (("NIF", "contribuinte"), numbers.nif_pt),
    "ca_sin": (
        ("SIN", "social insurance number"),
        lambda random: numbers.with_luhn(numbers.digits(random, 8, "1234567")),
    ),
    "password": (
        ("password", "api_key", "client_secret", "DB_PASSWORD"),
        lambda random: _signs(random, _ALNUM + "!#-_.", 16),
    ),
}

_PROSE = (
    "Please contact {} before Friday.",
    "Bitte melden Sie sich unter {}, danke!",
    "Merci d'écrire à {} – à bientôt.",
    "Ticket 4711 was opened for {} at 10:30.",
    "({})",
    "Its value is {}.",
    "- old: {}\n- new: none",
    "> {}\n\nregards",
)


def planted(count: int, seed: int = SEED) -> Iterator[Planted]:
    """`count` texts of each kind."""
    random = Random(seed)
    for kind, make in ANYWHERE.items():
        for _ in range(count):
            value = make(random)
            yield Planted(kind, _around(random, kind, value), value)
    for kind, (names, make) in BEHIND_THEIR_NAME.items():
        for _ in range(count):
            value, name = make(random), random.choice(names)
            text = random.choice(
                (f"{name}: {value}", f"{name} = {value}", json.dumps({name: value}), f"The {name}: {value}, as told.")
            )
            yield Planted(kind, text, value)


def bare(count: int, seed: int = SEED) -> Iterator[Planted]:
    """The same numbers without their names: what nobody can tell from an order number."""
    random = Random(seed)
    for kind, (_, make) in BEHIND_THEIR_NAME.items():
        for _ in range(count):
            value = make(random)
            yield Planted(kind, random.choice(_PROSE).format(value), value)


def _around(random: Random, kind: str, value: str) -> str:
    """A sentence, a row, a document, a line of a log."""
    if kind == "url_credentials":
        value = f"{random.choice(('https', 'postgres', 'redis', 'amqp'))}://{value}@db.example.internal:5432/app"
    form = random.randrange(6)
    if form == 0:
        return json.dumps({"id": random.randint(1, 9999), "value": value, "active": True})
    if form == 1:
        return json.dumps([{"note": f"see {value}"}], ensure_ascii=False)
    if form == 2:
        return f"{random.randint(1, 999)};{value};Acme GmbH;2024-03-{random.randint(10, 28)}"
    if form == 3:
        return f"2024-03-01T10:30:{random.randint(10, 59)}Z INFO worker[{random.randint(100, 9999)}] user={value} ok"
    return random.choice(_PROSE).format(value)


def lookalikes(count: int, seed: int = SEED) -> Iterator[Lookalike]:
    """`count` texts of each kind of thing that is none."""
    random = Random(seed + 1)
    for kind, make in _LOOKALIKES.items():
        for _ in range(count):
            value = make(random)
            form = random.randrange(3)
            text = (
                value
                if form == 0
                else json.dumps({"value": value})
                if form == 1
                else random.choice(_PROSE).format(value)
            )
            yield Lookalike(kind, text)


def _stamp(random: Random) -> str:
    day = f"20{random.randint(10, 29)}-{random.randint(1, 12):02}-{random.randint(1, 28):02}"
    clock = f"{random.randint(0, 23):02}:{random.randint(0, 59):02}:{random.randint(0, 59):02}"
    dotted = f"{day[8:]}.{day[5:7]}.{day[:4]}"
    return random.choice(
        (
            f"{day}T{clock}Z",
            f"{day} {clock}+01:00",
            f"{dotted} {clock}",
            f"{dotted}",
            f"{day[5:7]}/{day[8:]}/{day[:4]} {clock}",
            f"{day}T{clock}.{random.randint(0, 999999):06}+0200",
            f"{day[:4]}{day[5:7]}{day[8:]}{clock.replace(':', '')}",
        )
    )


def _uuid(random: Random) -> str:
    found = _signs(random, _HEX, 32)
    return f"{found[:8]}-{found[8:12]}-4{found[13:16]}-a{found[17:20]}-{found[20:]}"


def _version(random: Random) -> str:
    a, b, c, d = (random.randint(0, 40) for _ in range(4))
    return random.choice(
        (
            f"v{a}.{b}.{c}",
            f"react@{a}.{b}.{c}",
            f"lodash@{a}.{b}.{c}-beta.{d}",
            f"Chrome/{a}.{b}.{c}.{d}",
            f"version {a}.{b}.{c}.{d}",
            f"{a}.{b}.{c}-rc.{d}",
            f"pkg@{a}.{b}.{c}-alpha.rc",
            f"python>={a}.{b}",
            f"1:{a}.{b}.{c}-{d}ubuntu0.1",
        )
    )


def _price(random: Random) -> str:
    whole, cents = random.randint(1, 9_999_999), random.randint(0, 99)
    return random.choice(
        (
            f"${whole:,}.{cents:02}",
            f"{whole:_}".replace("_", ".") + f",{cents:02} €",
            f"EUR {whole}.{cents:02}",
            f"+{whole}.{cents:02}",
            f"{whole} 000 000 Kč",
            f"-{whole}.{cents:02}",
        )
    )


def _place(random: Random) -> str:
    lat, lon = random.uniform(-90, 90), random.uniform(-180, 180)
    return random.choice(
        (
            f"{lat:.6f}, {lon:.6f}",
            f"{lat:+.7f}{lon:+.7f}/",
            f"geo:{lat:.5f},{lon:.5f}",
            json.dumps({"lat": lat, "lng": lon}),
            f"[{lon:.8f},{lat:.8f}]",
        )
    )


_LOOKALIKES: dict[str, Make] = {
    "order numbers": lambda random: random.choice(
        (
            f"ORD-{numbers.digits(random, 8)}",
            f"#{numbers.digits(random, 7)}",
            f"2024-{numbers.digits(random, 6)}",
            f"PO {numbers.digits(random, 10)}",
            f"INV/{numbers.digits(random, 4)}/{numbers.digits(random, 5)}",
            numbers.digits(random, 9),
            numbers.digits(random, 11),
            numbers.digits(random, 10),
        )
    ),
    "long numbers": lambda random: random.choice(
        (
            numbers.digits(random, 12),
            numbers.digits(random, 13),
            numbers.digits(random, 16, "01789"),
            numbers.digits(random, 17),
            numbers.digits(random, 20),
            f"{numbers.digits(random, 3)} {numbers.digits(random, 3)} {numbers.digits(random, 3)}",
        )
    ),
    "times": lambda random: random.choice(
        (
            str(random.randint(10**9, 2 * 10**9)),
            str(random.randint(10**12, 2 * 10**12)),
            str(random.randint(10**18, 2 * 10**18)),
            f"{random.randint(10**9, 2 * 10**9)}.{random.randint(0, 999999):06}",
        )
    ),
    "dates": _stamp,
    "versions": _version,
    "hashes": lambda random: _signs(random, _HEX, random.choice((7, 32, 40, 64, 128))),
    "uuids": _uuid,
    "prices": _price,
    "coordinates": _place,
    "product codes": lambda random: random.choice(
        (
            f"978-3-{numbers.digits(random, 2)}-{numbers.digits(random, 6)}-{random.randint(0, 9)}",
            f"400{numbers.digits(random, 10)}",
            f"SKU-{_signs(random, string.ascii_uppercase, 2)}{numbers.digits(random, 6)}",
            f"1Z{_signs(random, string.ascii_uppercase + string.digits, 16)}",
            f"{_signs(random, string.ascii_uppercase, 3)}-{numbers.digits(random, 4)}",
        )
    ),
    "code": lambda random: random.choice(
        (
            "password = get_password()",
            "password: str | None = None",
            '"password": "string"',
            "DB_PASSWORD=${DB_PASSWORD}",
            "api_key: <your key here>",
            "Authorization: Bearer <token>",
            "Authorization: Bearer $TOKEN",
            "git@github.com:org/repo.git",
            "@app.route('/users')",
            "logo@2x.png",
            "user@localhost",
            "std::vector<int>",
            "a::b::c",
            "secret: required",
            "token: string, max 255",
            "https://user@example.com/path",
            "https://example.com:8443/a@b",
            "postgres://${USER}:${PASSWORD}@db/app",
            "if a<b and c>d: pass",
            "#define X 0x1F2E3D4C",
            "10/24 at 50%",
            "mailto:?subject=hi",
            "client_secret_basic",
            "x@y",
            "127.0.0.1:8080",
            "0.0.0.0",
            "::1",
            "M 10.5,20.25 L 30.75,40.125",
            "rgba(255, 255, 255, 0.5)",
            "192.168.1",
            "1.2.3.4.5",
            "00:11:22",
            "12:34:56:78",
        )
    ),
    "base64": lambda random: _signs(random, _ALNUM + "+/", 4 * random.randint(8, 60)) + "==",
    "sentences": lambda random: " ".join(
        random.choice(
            (
                "the",
                "order",
                "of",
                "2024",
                "was",
                "sent",
                "to",
                "Berlin",
                "on",
                "page",
                "12-14",
                "for",
                "3.5",
                "kg",
                "at",
                "80%",
                "tel",
                "call",
                "phone",
                "password",
                "secret",
                "token",
                "email",
            )
        )
        for _ in range(random.randint(5, 40))
    ),
}
