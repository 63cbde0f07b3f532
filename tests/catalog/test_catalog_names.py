"""Public names: one grammar, always the same, never two alike."""

import re

from catalog_makers import main, offer
from hypothesis import given
from hypothesis import strategies as st

from narthex.catalog.names import prefixed

GRAMMAR = re.compile(r"[A-Za-z0-9_-]{1,64}")
servers = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,31}\Z")
usual = st.from_regex(r"\A[A-Za-z0-9_.-]{1,128}\Z")
any_name = usual | st.text(min_size=1, max_size=200)


def test_a_plain_name_is_put_behind_its_server() -> None:
    assert prefixed("github", "search_repos") == "github__search_repos"
    assert prefixed("my_crm-2", "a__b") == "my_crm-2__a__b"


def test_a_name_that_had_to_change_keeps_what_it_can_and_gets_a_tag() -> None:
    assert re.fullmatch(r"crm__find_contact_[a-z2-7]{8}", prefixed("crm", "find.contact"))
    long = prefixed("crm", "x" * 100)
    assert re.fullmatch(r"crm__x{50}_[a-z2-7]{8}", long)
    assert len(long) == 64


@given(servers, any_name)
def test_every_name_has_the_grammar_and_begins_with_its_server(server: str, name: str) -> None:
    public = prefixed(server, name)

    assert GRAMMAR.fullmatch(public)
    assert public.startswith(f"{server}__")
    assert public == prefixed(server, name)


@given(servers, st.sets(any_name, min_size=2, max_size=30))
def test_names_of_one_server_stay_apart(server: str, names: set[str]) -> None:
    assert len({prefixed(server, name) for name in names}) == len(names)


@given(st.sets(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=100), max_size=5))
def test_a_server_that_stands_alone_keeps_its_names(names: set[str]) -> None:
    endpoint = main(offer("crm", *names))

    assert {name: one.private for name, one in endpoint.tools.items()} == {name: name for name in names}
    assert not endpoint.prefixed


def test_names_that_differ_in_case_or_in_one_sign_stay_apart() -> None:
    names = ["get", "Get", "g.et", "g et", "gét", "g/et"]
    endpoint = main(offer("crm", *names), offer("erp", "get"))

    assert [one.private for one in endpoint.tools.values()] == [*names, "get"]
    assert len(endpoint.tools) == 7
