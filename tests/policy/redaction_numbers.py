"""Numbers with check digits, made up: the other way round than the gateway reads them, so that a mistake in one of the
two shows. All of it follows from the random source that is given.
"""

import string
from random import Random

_VALUE = {sign: place for place, sign in enumerate(string.digits + string.ascii_uppercase)}


def digits(random: Random, count: int, first: str = string.digits) -> str:
    return random.choice(first) + "".join(random.choice(string.digits) for _ in range(count - 1))


def first_that(found: str, good: "object", tails: "object") -> str:
    """The first tail with which the number is good."""
    return next(found + tail for tail in tails if good(found + tail))  # type: ignore[operator, attr-defined]


def one_digit() -> list[str]:
    return list(string.digits)


def two_digits() -> list[str]:
    return [f"{number:02}" for number in range(100)]


def luhn_sum(number: str) -> int:
    total = 0
    for place, sign in enumerate(reversed(number)):
        value = int(sign) * (1 + place % 2)
        total += value // 10 + value % 10
    return total


def with_luhn(body: str) -> str:
    return first_that(body, lambda number: luhn_sum(number) % 10 == 0, one_digit())


def iban(random: Random, country: str, length: int) -> str:
    letters = country in ("GB", "NL", "IE", "MT", "BG", "LV", "RO", "TR", "QA", "UA")
    signs = string.digits + (string.ascii_uppercase if letters else "")
    account = "".join(random.choice(signs) for _ in range(length - 4))
    spread = "".join(str(_VALUE[sign]) for sign in account + country + "00")
    return f"{country}{98 - int(spread) % 97:02}{account}"


def born(random: Random) -> tuple[int, int, int]:
    return random.randint(1935, 2008), random.randint(1, 12), random.randint(1, 28)


def total(number: str, weights: list[int]) -> int:
    return sum(int(sign) * weight for sign, weight in zip(number, weights, strict=False))


def cpf(random: Random) -> str:
    body = digits(random, 9)
    for _ in range(2):
        rest = total(body, list(range(len(body) + 1, 1, -1))) % 11
        body += "0" if rest < 2 else str(11 - rest)
    return body


def steuer_id(random: Random) -> str:
    """One digit twice, one not at all, eight once; never a zero in front."""
    while True:
        pool = list(string.digits)
        gone = random.choice(pool)
        pool.remove(gone)
        twice = random.choice(pool)
        signs = [*pool, twice]
        random.shuffle(signs)
        body = "".join(signs)
        if body[0] != "0":
            break

    def good(number: str) -> bool:
        product = 10
        for sign in number[:10]:
            partial = (int(sign) + product) % 10 or 10
            product = partial * 2 % 11
        return (11 - product) % 10 == int(number[10])

    return first_that(body, good, one_digit())


def pesel(random: Random) -> str:
    year, month, day = born(random)
    body = f"{year % 100:02}{month + (20 if year >= 2000 else 0):02}{day:02}{digits(random, 4)}"
    return body + str(-total(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)


def personnummer(random: Random) -> str:
    year, month, day = born(random)
    body = f"{year % 100:02}{month:02}{day:02}{digits(random, 3)}"
    number = with_luhn(body)
    return f"{number[:6]}-{number[6:]}"


def bsn(random: Random) -> str:
    while True:
        number = digits(random, 9)
        if total(number, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 == 0 and number[0] != "0":
            return number


def ahv(random: Random) -> str:
    body = "756" + digits(random, 9)
    check = -sum(int(sign) * (3 if place % 2 else 1) for place, sign in enumerate(body)) % 10
    return body + str(check)


def nir(random: Random) -> str:
    year, month, _ = born(random)
    body = f"{random.choice('12')}{year % 100:02}{month:02}{random.randint(1, 95):02}{digits(random, 6)}"
    return f"{body}{97 - int(body) % 97:02}"


def dni(random: Random) -> str:
    number = digits(random, 8)
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def hetu(random: Random) -> str:
    year, month, day = born(random)
    date, serial = f"{day:02}{month:02}{year % 100:02}", f"{random.randint(2, 899):03}"
    check = "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(date + serial) % 31]
    return f"{date}{'A' if year >= 2000 else '-'}{serial}{check}"


def codice_fiscale(random: Random) -> str:
    letters = "".join(random.choice("BCDFGLMNPRST") for _ in range(6))
    year, _, day = born(random)
    place = random.choice("ABCDEFGHIL") + digits(random, 3)
    body = f"{letters}{year % 100:02}{random.choice('ABCDEHLMPRST')}{day:02}{place}"
    odd = dict(zip(string.digits, (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True))
    odd |= dict(
        zip(
            string.ascii_uppercase,
            (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
            strict=True,
        )
    )
    worth = sum(
        odd[sign] if place % 2 == 0 else _VALUE[sign] % 10 if sign.isdigit() else ord(sign) - 65
        for place, sign in enumerate(body)
    )
    return body + string.ascii_uppercase[worth % 26]


def aadhaar(random: Random) -> str:
    """By search over the dihedral group D5, written as what it is: turns and flips of a pentagon."""

    def times(a: int, b: int) -> int:
        turn = (a % 5 + (b % 5 if a < 5 else -(b % 5))) % 5
        return turn + (5 if (a < 5) != (b < 5) else 0)

    def turned(sign: int, place: int) -> int:
        for _ in range(place % 8):
            sign = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[sign]
        return sign

    def good(number: str) -> bool:
        check = 0
        for place, sign in enumerate(reversed(number)):
            check = times(check, turned(int(sign), place))
        return check == 0

    return first_that(digits(random, 11, "23456789"), good, one_digit())


def cn_id(random: Random) -> str:
    year, month, day = born(random)
    body = f"{random.choice(('110101', '310115', '440305', '510104'))}{year}{month:02}{day:02}{digits(random, 3)}"
    rest = sum(int(sign) * pow(2, 17 - place, 11) for place, sign in enumerate(body)) % 11
    return body + "0123456789X"[(12 - rest) % 11]


def nhs(random: Random) -> str:
    while True:
        body = digits(random, 9, "4679")
        check = 11 - total(body, list(range(10, 1, -1))) % 11
        if check != 10:
            return body + str(check % 11)


def fodselsnummer(random: Random) -> str:
    while True:
        year, month, day = born(random)
        body = f"{day:02}{month:02}{year % 100:02}{digits(random, 3)}"
        first = -total(body, [3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11
        second = -total(body + str(first % 10), [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11
        if first < 10 and second < 10:
            return f"{body}{first}{second}"


def tckn(random: Random) -> str:
    body = digits(random, 9, "123456789")
    values = [int(sign) for sign in body]
    tenth = (sum(values[::2]) * 7 - sum(values[1::2])) % 10
    return f"{body}{tenth}{(sum(values) + tenth) % 10}"


def za_id(random: Random) -> str:
    year, month, day = born(random)
    return with_luhn(f"{year % 100:02}{month:02}{day:02}{digits(random, 4)}08")


def rrn_be(random: Random) -> str:
    year, month, day = born(random)
    body = f"{year % 100:02}{month:02}{day:02}{random.randint(1, 997):03}"
    base = int(("2" if year >= 2000 else "") + body)
    return f"{body}{97 - base % 97:02}"


def cnp(random: Random) -> str:
    year, month, day = born(random)
    first = random.choice("12") if year < 2000 else random.choice("56")
    body = f"{first}{year % 100:02}{month:02}{day:02}{random.randint(1, 46):02}{digits(random, 3)}"
    return body + str(total(body, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11 % 10)


def tfn(random: Random) -> str:
    while True:
        number = digits(random, 9, "123456789")
        if total(number, [1, 4, 3, 7, 5, 8, 6, 9, 10]) % 11 == 0:
            return number


def nif_pt(random: Random) -> str:
    body = digits(random, 8, "12")
    rest = total(body, list(range(9, 1, -1))) % 11
    return body + str(0 if rest < 2 else 11 - rest)


def rut(random: Random) -> str:
    body = digits(random, 8, "12")
    rest = 11 - sum(int(sign) * (2 + place % 6) for place, sign in enumerate(reversed(body))) % 11
    return body + {11: "0", 10: "K"}.get(rest, str(rest))


def nric(random: Random) -> str:
    body = digits(random, 7)
    prefix = random.choice("ST")
    rest = (total(body, [2, 7, 6, 5, 4, 3, 2]) + (4 if prefix == "T" else 0)) % 11
    return f"{prefix}{body}{'JZIHGFEDCBA'[rest]}"
