"""Writes docs/cli.md from the commands' own help; a test compares. Run it when a command changed."""

from pathlib import Path

from narthex.cli.reference import page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"


def made() -> str:
    """The page as it should be."""
    return page(".venv/bin/python tests/cli/generate_cli.py")


if __name__ == "__main__":
    PAGE.write_text(made(), "utf-8")
