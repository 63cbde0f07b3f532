"""YAML as we read it: version 1.2, every mistake with its place, nothing that grows without bound."""

import time

import pytest

from narthex.control import yaml
from narthex.control.document import Document, Mark, flatten
from narthex.control.problem import ConfigError


def read(text: str) -> Document:
    return flatten("f.yaml", yaml.parse("f.yaml", text))


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no", "no"),
        ("on", "on"),
        ("y", "y"),
        ("012", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("12:30:45", "12:30:45"),
        ("1_000", "1_000"),
        ("2026-11-23", "2026-11-23"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("|\n  a\n  b\n", "a\nb\n"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(text: str, expected: object) -> None:
    value = read(f"a: {text}").tree["a"]

    assert (expected, type(expected)) == (value, type(value))


def test_every_value_and_key_has_its_place() -> None:
    document = read("servers:\n  - name: a\n    tools: [x,\n      y]\n")

    assert Mark(2, 11) == document.values["servers", 0, "name"]
    assert Mark(4, 7) == document.values["servers", 0, "tools", 1]
    assert Mark(3, 5) == document.keys["servers", 0, "tools"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: a: the key 'a' is here twice. It was first given in line 1."),
        ("a:\n\t- b", "f.yaml:2:1: this is not valid YAML: a tab cannot be used here. YAML indents with spaces."),
        ("a: *b", "f.yaml:1:4: the alias *b names no anchor above it. Write &b first."),
        ("- a\n---\n- b", "f.yaml:2:1: a second document begins here. Keep one document in the file."),
        ("a: b: c", "A value that holds ': ' needs quotes."),
        ("a: @b", "A value that begins with this character needs quotes."),
        ("a: \x00", "f.yaml:1:4: the character U+0000 is not allowed in YAML. Remove it."),
        ("a: !!python/object:os.system x", "the tag !!python/object:os.system is not understood"),
        ("? [a]\n: b", "a key must be a word"),
        ("a: [1", "this is not valid YAML"),
        ("a: [1\nb: 2", "Look at the brackets, quotes, commas and the indentation here and in the lines above."),
    ],
)
def test_a_mistake_is_named_with_its_place_and_a_remedy(text: str, expected: str) -> None:
    assert expected in refusal(text)


def test_several_duplicates_are_told_together() -> None:
    assert refusal("a: 1\na: 1\nb: {c: 1, c: 2}").count("is here twice") == 2


def test_aliases_and_merge_keys_work_and_the_mapping_itself_wins() -> None:
    document = read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [{z: 1}, *a]}\nd: *a")

    assert document.tree["b"] == {"x": 1, "y": 3}
    assert document.tree["c"] == {"z": 1, "x": 1, "y": 2}
    assert document.tree["a"] == document.tree["d"]


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: {c: *a}}", "a: &a {<<: *a}", "a: &a {b: {<<: *a}}"])
def test_an_alias_inside_what_it_names_is_refused(text: str) -> None:
    assert refusal(text)


def test_a_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    started = time.monotonic()

    assert "more than" in refusal("\n".join(lines))
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000])
def test_a_tower_of_brackets_is_refused_and_ends_nothing(text: str) -> None:
    assert "nested more than 64 levels deep" in refusal(text)


def test_a_large_file_is_read_in_good_time() -> None:
    entry = "  - {name: server%d, upstream: 'https://host%d.example.com/mcp', tools: [a, b, c], description: words}\n"
    text = "servers:\n" + "".join(entry % (n, n) for n in range(5_000))
    started = time.process_time()
    document = read(text)

    assert len(document.tree["servers"]) == 5_000
    assert time.process_time() - started < 10
