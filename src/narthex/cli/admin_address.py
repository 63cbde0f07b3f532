"""The administration address of a running gateway, asked from the command line.

Knows: one question, one answer, both JSON. Refuses to know: what they are about.
"""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import click

from narthex.cli.say import WRONG, fail
from narthex.limits import admin_answer_bytes_max, admin_seconds_max

Tree = dict[str, Any]
_ADMIN = "http://127.0.0.1:8081"

admin_option = click.option(
    "--admin", metavar="URL", default=_ADMIN, show_default=True, help="The administration address."
)


def asked(admin: str, path: str, question: Tree | None = None) -> Tree:
    """The answer, or the end of the command with a sentence."""
    parts = urlsplit(admin)
    if parts.scheme != "http" or not parts.hostname:
        fail(f"'{admin}' is no administration address; one looks like {_ADMIN}.", WRONG)
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=admin_seconds_max)
    try:
        if question is None:
            connection.request("GET", path)
        else:
            connection.request("POST", path, json.dumps(question).encode(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read(admin_answer_bytes_max))
    except (OSError, http.client.HTTPException, ValueError) as error:
        fail(f"No gateway answers at {admin} ({error}). Is it running? Its address is 'admin.listen'.")
    finally:
        connection.close()
    if response.status != http.HTTPStatus.OK or not isinstance(answer, dict):
        said = answer.get("error") if isinstance(answer, dict) else None
        fail(str(said or f"{admin} answered {response.status}."), WRONG)
    return answer
