"""`narthex stop`, `stops`, `resume`: from the shell, in a state folder, with or without a gateway on it."""

import json
from pathlib import Path

import pytest
from command_line import Ran, run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "narthex.yaml").write_text(
        "state: state\nservers: [{name: crm, upstream: 'https://crm.example.com/mcp'}]\n"
    )
    return tmp_path


def listed(folder: Path, *options: str) -> list[dict[str, object]]:
    return json.loads(run("stops", *options, "--json", home=folder).out)


def stop(folder: Path, *options: str) -> Ran:
    return run("stop", *options, home=folder)


def test_stopped_listed_and_resumed(folder: Path) -> None:
    ran = stop(folder, "--tool", "crm/delete", "--reason", "incident 4711", "--for", "1h")

    assert ran.code == 0
    assert ran.out.startswith("Stop 1: the tool 'crm/delete' until 20")
    assert "no tool 'crm/delete' is known yet" in ran.err
    [one] = listed(folder)
    assert (one["id"], one["kind"], one["name"], one["reason"], one["state"]) == (
        1,
        "tool",
        "crm/delete",
        "incident 4711",
        "holds",
    )
    assert isinstance(one["until"], float)
    assert "tool crm/delete" in run("stops", home=folder).out
    assert run("resume", "1", home=folder).out == "Stop 1 is over: the tool 'crm/delete' runs again within a second.\n"
    assert listed(folder) == []
    assert [one["state"] for one in listed(folder, "--all")] == ["resumed"]


def test_a_server_that_is_not_configured_is_noted(folder: Path) -> None:
    assert "no server 'crn'" in stop(folder, "--server", "crn").err
    assert "note" not in stop(folder, "--server", "crm").err


def test_all_are_resumed_at_once(folder: Path) -> None:
    stop(folder, "--server", "crm")
    stop(folder, "--principal", "bob", "--tenant", "acme")

    assert len(listed(folder)) == 2
    assert run("resume", "all", home=folder).out.count("is over") == 2
    assert "Nothing is stopped" in run("resume", "all", home=folder).err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "Name what is to be stopped"),
        (("--server", "a", "--tool", "b"), "Name one thing to stop"),
        (("--server", "a", "--tenant", "b"), "Name one thing to stop"),
        (("--server", "a", "--for", "soon"), "is no time"),
        (("--server", "a", "--for", "9000d"), "within 366 days"),
        (("--server", "a", "--reason", "a\nb"), "one line"),
    ],
)
def test_what_is_not_understood_stops_nothing(folder: Path, options: tuple[str, ...], told: str) -> None:
    ran = stop(folder, *options)

    assert ran.code == 2
    assert told in ran.err
    assert listed(folder) == [] if (folder / "state" / "state.db").exists() else True


def test_a_folder_that_no_gateway_uses_is_refused(tmp_path: Path) -> None:
    ran = run("stop", "--server", "crm", "--state", "elsewhere", home=tmp_path)

    assert ran.code == 1
    assert "Is it the right folder?" in ran.err


@pytest.mark.parametrize(("key", "code"), [("9", 1), ("none", 2), ("-1", 2), ("9" * 40, 2)])
def test_a_stop_that_is_not_there(folder: Path, key: str, code: int) -> None:
    stop(folder, "--server", "crm")

    assert run("resume", "--", key, home=folder).code == code
