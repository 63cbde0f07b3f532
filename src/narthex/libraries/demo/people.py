"""The people in the address book of Brightwater Kites. All invented; the domains end in `.example`."""

import msgspec


class Contact(msgspec.Struct):
    id: str
    name: str
    role: str
    account: str
    city: str
    email: str
    phone: str
    notes: list[str] = []

    def searched(self) -> str:
        return f"{self.id} {self.name} {self.role} {self.account} {self.city}".casefold()


def _people(account: str, city: str, domain: str, first: int, *rows: tuple[str, str, str]) -> list[Contact]:
    return [
        Contact(
            id=f"c-{first + place}",
            name=name,
            role=role,
            account=account,
            city=city,
            email=f"{_mailbox(name)}@{domain}",
            phone=f"+1 555 01{(first + place) % 100:02d}",
            notes=[note] if note else [],
        )
        for place, (name, role, note) in enumerate(rows)
    ]


def _mailbox(name: str) -> str:
    return "".join(letter for letter in name.casefold().replace(" ", ".") if letter.isascii()).strip(".") or "office"


CONTACTS: tuple[Contact, ...] = (
    *_people(
        "Gull & Daughters",
        "Ardmore",
        "gull.example",
        1001,
        ("Ana Reyes", "Buyer", "Wants the stunt kites before the regatta in June."),
        ("Piet Gull", "Owner", "Pays on the day the invoice arrives."),
        ("Noor Haddad", "Shop manager", ""),
        ("Zoë Lindqvist", "Window dresser", "Asked for the tall display stand."),
    ),
    *_people(
        "Północny Wiatr",
        "Gdańsk",
        "polnocny-wiatr.example",
        1005,
        ("Łukasz Wójcik", "Head of purchasing", "Prefers to write in Polish."),
        ("Agnieszka Żak", "Accounts", ""),
        ("Jan Nowak", "Warehouse", "Opens at six; deliveries before eight."),
    ),
    *_people(
        "凧の店 そら",
        "Hamamatsu",
        "sora.example",
        1008,
        ("田中 美咲", "Owner", "Orders washi paper kites every autumn."),
        ("Sato Kenji", "Workshop", "Repairs line winders himself."),
        ("Mori Aiko", "Online shop", ""),
    ),
    *_people(
        "Windward Schools",
        "Tarrant",
        "windward.example",
        1011,
        ("Grace Okafor", "Head teacher", "Forty kites for the science week."),
        ("Tom Bell", "Physics", "Needs the lift diagram for the blackboard."),
        ("Iris Novak", "Secretary", ""),
        ("Samuel Ortiz", "Caretaker", ""),
    ),
    *_people(
        "Isla Verde Resorts",
        "Puerto Claro",
        "isla-verde.example",
        1015,
        ("Lucía Fernández", "Guest activities", "The beach is windy from March on."),
        ("Mateo Cruz", "Purchasing", "Asked for a discount twice."),
        ("Ingrid Solheim", "General manager", ""),
    ),
    *_people(
        "Museum of Flight and Air",
        "Ostrava",
        "flight-museum.example",
        1018,
        ("Dr. Hana Dvořáková", "Curator", "Lends us the 1903 box kite for the fair."),
        ("Omar El-Sayed", "Exhibitions", "Opening on 3 May."),
        ("Ruth Adler", "Museum shop", ""),
        ("Emil Krüger", "Conservation", "Only acid-free boxes."),
        ("Chen Wei", "Education", ""),
    ),
)
