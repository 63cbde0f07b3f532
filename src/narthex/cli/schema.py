"""`narthex schema`: what an editor needs to help with the configuration.

Knows: how to print it. Refuses to know: what is in it.
"""

import click

from narthex.cli.say import print_json


@click.command()
def schema() -> None:
    """Print the JSON Schema of the configuration.

    Editors with YAML support use it when the file begins with a line like
    "# yaml-language-server: $schema=narthex.schema.json".
    """
    from narthex.control.schema import config_schema

    print_json(config_schema())
