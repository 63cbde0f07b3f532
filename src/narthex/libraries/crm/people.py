"""A few thousand people who do not exist, always the same ones.

Knows: how names, companies and places are put together. Refuses to know: anybody real. Addresses end in `.example`
(RFC 2606), phone numbers are those set aside for fiction (555-0100 to 555-0199).
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

PEOPLE = 3_000
_SEED = 1903  # the year of the box kite in the museum

_FIRST = (  # noqa: SIM905 - quoted one by one they are four times as long
    "Ana Piet Noor Zoë Łukasz Agnieszka Jan Misaki Kenji Aiko Grace Tom Iris Samuel Lucía Mateo Ingrid Hana Omar Ruth "
    "Emil Wei Amara Björn Chiara Dmitri Elif Farah Goran Hélène Ibrahim Jelena Kofi Leila Marek Nadia Oskar Priya "
    "Quentin Rosa Søren Tomás Uma Viktor Wanda Ximena Yusuf Zeynep"
).split()
_LAST = (  # noqa: SIM905 - likewise
    "Gull Haddad Lindquist Wojcik Żak Novak Tanaka Mori Okafor Bell Ortiz Fernández Cruz Solheim Dvořák Adler Krüger "
    "Chen Windham Skyler Vane Galehart Breezewood Kestrel Larkspur Merganser Northwind Osprey Petrel Quill Rooke Swift "
    "Tern Updraft Vesper Wren Yarrow Zephyr Anemos Borealis Cirrus Drachen Etesian Foehn Gossamer Hawke Ibis Jaeger"
).split()
_PLACES = (
    ("Ardmore", "Harbour Lane"),
    ("Gdynia Bay", "Ulica Wiatrowa"),
    ("Hamanaka", "Tako Street"),
    ("Tarrant", "School Hill"),
    ("Puerto Claro", "Calle del Viento"),
    ("Ostrov", "Museum Square"),
    ("Aalvik", "Fjordgata"),
    ("Saint-Brieux", "Rue du Cerf-Volant"),
    ("Kumasi Point", "Trade Wind Road"),
    ("Wellford", "Kite Common"),
)
_HOUSES = ("Gull", "Windward", "Isla Verde", "North Wind", "Sora", "Cirrus", "Petrel", "Vane", "Larkspur", "Osprey")
# What a customer is, and who works there.
_KINDS = (
    ("Toys", ("Buyer", "Shop manager", "Owner")),
    ("Schools", ("Head teacher", "Physics teacher", "Secretary")),
    ("Resorts", ("Guest activities", "Purchasing", "General manager")),
    ("Museum", ("Curator", "Museum shop", "Exhibitions")),
    ("Sailing Club", ("Commodore", "Harbour master", "Youth coach")),
)
_OWNERS = ("Marta", "Jonas", "Ebele", "Ravi", "Sanne")
_AREAS = ("202", "303", "404", "505", "606", "707", "808", "909")
_FIRST_DAY = date(2015, 1, 1)


class Person(NamedTuple):
    id: str
    name: str
    company: str
    title: str
    city: str
    owner: str
    since: str
    email: str
    phone: str
    address: str


def companies() -> list[str]:
    """All there are, by name."""
    return sorted(f"{house} {kind}" for house in _HOUSES for kind, _ in _KINDS)


def people(count: int = PEOPLE) -> Iterator[Person]:
    chance = Random(_SEED)  # noqa: S311 - the same people every time is what is wanted
    for number in range(count):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        house, (kind, titles) = chance.choice(_HOUSES), chance.choice(_KINDS)
        city, street = chance.choice(_PLACES)
        yield Person(
            id=f"c-{1001 + number}",
            name=f"{first} {last}",
            company=f"{house} {kind}",
            title=chance.choice(titles),
            city=city,
            owner=chance.choice(_OWNERS),
            since=(_FIRST_DAY + timedelta(days=chance.randrange(4_000))).isoformat(),
            email=f"{_mailbox(first)}.{_mailbox(last)}{number}@{house.lower().replace(' ', '-')}.example",
            phone=f"+1 {chance.choice(_AREAS)} 555 01{chance.randrange(100):02}",
            address=f"{chance.randrange(1, 99)} {street}, {city}",
        )


def _mailbox(name: str) -> str:
    """A name in the letters that every mail program takes."""
    marked = str.maketrans("łżáéíóúøöřüëščđ", "lzaeiouooruescd")
    return name.casefold().translate(marked).encode("ascii", "ignore").decode()
