"""What stands on the shelf of Brightwater Kites. All invented."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    name: str
    title: str
    language: str
    text: str

    @property
    def uri(self) -> str:
        return f"docs://brightwater/{self.name}"

    def searched(self) -> str:
        return f"{self.title}\n{self.text}".casefold()


DOCUMENTS = (
    Document(
        "returns",
        "Returns",
        "English",
        "# Returns\n\nA kite may come back within 30 days, wet or dry. Broken spars are replaced without a question.\n"
        "Refunds over €200 need a second pair of eyes.\n",
    ),
    Document(
        "price-list",
        "Price list",
        "English",
        "# Price list\n\n| kite | span | price |\n|---|---|---|\n| Comet | 1.2 m | €39 |\n| Delta 3 | 3.0 m² | €129 |\n"
        "| Box, 1903 | 0.9 m | €220 |\n",
    ),
    Document(
        "wind-scale",
        "Which kite for which wind",
        "English",
        "# Which kite for which wind\n\n2 Bft: Delta. 3 to 4 Bft: Comet. 5 Bft and more: stay home, or fly the box.\n"
        "Lift grows with the square of the wind: L = ½ · ρ · v² · A · C.\n",
    ),
    Document(
        "drachenbau",
        "Drachen bauen mit Kindern",
        "German",
        "# Drachen bauen mit Kindern\n\nMan nehme zwei Stäbe, große Bögen Papier, Schnur und viel Geduld. "
        "Die Größe des Schweifs entscheidet über Höhenflüge.\n",
    ),
    Document(
        "tako",
        "凧の揚げ方",
        "Japanese",
        "# 凧の揚げ方\n\n風を背にして立ち、糸を少しずつ伸ばします。電線の近くでは揚げないでください。\n",
    ),
    Document(
        "tayyara",
        "دليل الطائرة الورقية",
        "Arabic",
        "# دليل الطائرة الورقية\n\nقف وظهرك إلى الريح، ثم أرخِ الخيط ببطء.\n",
    ),
    Document(
        "song",
        "The company song",
        "English",
        "# The company song\n\n\U0001d11e Up, up, and never down again,\n\U0001d11e a line, a tail, a bit of rain.\n",
    ),
)
