"""The operator's rules, read from their file.

Knows: where the file is, and how large it may be. Refuses to know: the language (`policy/cedar`).
"""

from pathlib import Path

from narthex.limits import policy_file_bytes_max
from narthex.model.config import Config
from narthex.model.endpoint import Judge
from narthex.policy.cedar import NotInstalled, Rules


def rules_of(config: Config) -> Judge | None:
    """The rules of this configuration, parsed; None: it names none. Raises `ValueError` for rules nobody can keep."""
    found = config.authentication
    if found is None or found.policies is None:
        return None
    roles = found.scopes.roles.claim if found.scopes.roles is not None else None
    path = Path(found.policies)
    text = _read(path)
    try:
        return Rules(text, roles)
    except NotInstalled:
        raise
    except ValueError as fault:
        raise ValueError(f"the file {path.name} is no Cedar: {fault}") from None


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(policy_file_bytes_max + 1)
        text = content.decode()
    except OSError as error:
        raise ValueError(f"the file {path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"the file {path.name} is not UTF-8 text") from None
    if len(content) > policy_file_bytes_max:
        raise ValueError(f"the file {path.name} is larger than {policy_file_bytes_max} bytes")
    return text
