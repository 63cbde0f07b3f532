"""Servers under a URL that come, go, forget their sessions and change while the gateway runs."""

import time
from pathlib import Path

import pytest
from operation_kit import in_background, serving, stdio, until
from operation_remote import remote

ERAS = pytest.mark.parametrize("modern", [True, False], ids=["modern", "legacy"])


@ERAS
def test_calls_in_flight_finish_when_their_server_is_changed_or_removed(tmp_path: Path, modern: bool) -> None:
    with remote(modern=modern) as server, serving(tmp_path, {"name": "r", "upstream": server.url}) as gateway:
        assert gateway.text("echo") == "echo"
        for times, entry in enumerate(({"headers": {"X-Key": "2"}}, None), 1):
            call = in_background(lambda: gateway.text("sleep", seconds=2.5))
            until(lambda n=times: server.calls.count("sleep") == n, "in work")
            gateway.write(servers=[{"name": "r", "upstream": server.url, **entry}] if entry else [])
            until(lambda n=times: gateway.metric("narthex_config_reloads_total", result="ok") == n, "reloaded")
            if entry:
                assert gateway.text("echo") == "echo"
                assert server.headers[-1]["X-Key"] == "2"

            assert call() == "sleep"


@ERAS
def test_a_server_that_restarts_is_reached_again_by_the_next_call(tmp_path: Path, modern: bool) -> None:
    with serving(tmp_path, stdio("a", tmp_path)) as gateway:
        with remote(modern=modern) as server:
            port = server.port
            gateway.write(servers=[{"name": "r", "upstream": server.url}, stdio("a", tmp_path)])
            until(lambda: "r__echo" in gateway.tools(), "known")
            assert gateway.text("r__echo") == "echo"
        error = gateway.call("r__echo")["error"]
        assert error["data"]["reason"] in ("upstream_unavailable", "upstream_lost")
        assert "r__echo" in gateway.tools()
        with remote(modern=modern, port=port) as server:
            server.tools.append("fresh")
            until(lambda: "r__fresh" in gateway.tools(), "its new list", 40)
            assert gateway.text("r__fresh") == "fresh"
            assert gateway.degraded() == []


@pytest.mark.parametrize("status", [404, 400])
def test_a_server_that_forgot_our_session_gets_another_one(tmp_path: Path, status: int) -> None:
    """404 is the protocol's word for it; 400 is what many servers say."""
    with remote(modern=False, unknown_session=status) as server:
        with serving(tmp_path, {"name": "r", "upstream": server.url}) as gateway:
            assert gateway.text("echo") == "echo"
            server.sessions.clear()
            until(lambda: "result" in gateway.call("echo"), "a session again", 8)

            assert len(server.sessions) == 1
            until(lambda: gateway.degraded() == [], "fresh")


def test_fifty_servers_that_are_not_there_cost_a_healthy_one_nothing(tmp_path: Path) -> None:
    dead = [{"name": f"d{number}", "upstream": f"http://127.0.0.1:9/{number}"} for number in range(50)]
    with remote(modern=True) as server:
        with serving(tmp_path, *dead, {"name": "r", "upstream": server.url}) as gateway:
            started = time.monotonic()

            assert gateway.text("r__echo") == "echo"
            assert time.monotonic() - started < 2
            assert len(gateway.degraded()) == 50
