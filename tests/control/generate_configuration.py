"""Writes the tables of docs/configuration.md from the schema; a test compares. Run it when a key changed."""

from pathlib import Path

from narthex.control.reference import reference

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
BEGIN = "<!-- made from the schema by tests/control/generate_configuration.py -->\n"
END = "<!-- end of what is made from the schema -->\n"


def made(page: str) -> str:
    """The page with fresh tables between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{reference()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text("utf-8")), "utf-8")
