"""What of the gateway's environment a server sees."""

from narthex.upstream.stdio.environment import child_environment

GATEWAY = {
    "HOME": "/home/narthex",
    "PATH": "/usr/bin",
    "LC_ALL": "C.UTF-8",
    "XDG_CACHE_HOME": "/var/cache",
    "HTTPS_PROXY": "http://proxy:3128",
    "UV_INDEX_URL": "https://mirror/simple",
    "UV_INDEX_MAIN_PASSWORD": "hunter2",
    "npm_config_registry": "https://mirror/npm",
    "NPM_CONFIG__AUTH": "hunter2",
    "GITHUB_TOKEN": "hunter2",
    "NARTHEX_ADMIN_KEY": "hunter2",
    "AWS_REGION": "eu-central-1",
    "LD_PRELOAD": "/tmp/evil.so",
    "LANG": "() { :; }; echo shellshock",
}


def test_a_server_sees_the_allow_list_and_no_secret() -> None:
    seen = child_environment(GATEWAY, {}, ())

    assert set(seen) == {
        "HOME",
        "PATH",
        "LC_ALL",
        "XDG_CACHE_HOME",
        "HTTPS_PROXY",
        "UV_INDEX_URL",
        "npm_config_registry",
    }
    assert "hunter2" not in seen.values()


def test_a_server_sees_what_is_configured_and_it_wins() -> None:
    seen = child_environment(GATEWAY, {"HOME": "/srv", "KEY": "42"}, ())

    assert (seen["HOME"], seen["KEY"]) == ("/srv", "42")


def test_further_names_are_inherited_exactly_or_by_pattern() -> None:
    exact = child_environment(GATEWAY, {}, ("GITHUB_TOKEN",))
    pattern = child_environment(GATEWAY, {}, ("AWS_*",))

    assert exact["GITHUB_TOKEN"] == "hunter2"
    assert "AWS_REGION" not in exact
    assert pattern["AWS_REGION"] == "eu-central-1"
