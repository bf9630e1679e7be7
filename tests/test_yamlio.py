import copy
import gc
import json
import math
import pickle
import textwrap

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from colocalc import yamlio
from colocalc.errors import InputError
from colocalc.yamlio import List, Map, Mark, locate, merged, new_map, put, read, read_file, read_scalar

FLEET = textwrap.dedent("""\
    # a comment
    name: colossus-1
    pools:
      - {name: h100, gpu: h100-sxm, count: 150_000}
      - name: h200
        count: 50_000
    sites:
      memphis:
        pue_factor: 1.25
    """)

SCALARS = [
    ("1", 1),
    ("0", 0),
    ("-0", 0),
    ("+1", 1),
    ("-2", -2),
    ("150_000", 150_000),
    ("1_2_3", 123),
    ("1e9", 1e9),
    ("1.0e9", 1e9),
    ("11e6", 11e6),
    ("1E-3", 1e-3),
    ("1e+3", 1e3),
    ("3.", 3.0),
    (".5", 0.5),
    ("-.5", -0.5),
    ("0.1", 0.1),
    ("1_000.5", 1000.5),
    ("0.000_1", 1e-4),
    (".inf", math.inf),
    ("-.Inf", -math.inf),
    ("+.INF", math.inf),
    ("1e999", math.inf),
    ("true", True),
    ("True", True),
    ("TRUE", True),
    ("false", False),
    ("False", False),
    ("FALSE", False),
    ("null", None),
    ("Null", None),
    ("NULL", None),
    ("~", None),
    ("", None),
]
TEXTS = [
    "no",
    "No",
    "yes",
    "on",
    "off",
    "y",
    "n",
    "012",
    "00",
    "-01",
    "012.5",
    "012e3",
    "0_1",
    "1__0",
    "_1",
    "1_",
    "1_.5",
    "1:30",
    "190:20:30",
    "0b1",
    "0o17",
    "0x1F",
    "1e",
    "e9",
    "1e1_0",
    ".",
    "+",
    "+.",
    "1.2.3",
    "inf",
    "nan",
    "NaN",
    "Infinity",
    ".Nan",
    "+.nan",
    "tRUE",
    "nULL",
    "2026-05-08",
    "2026-05-08 10:00:00",
    "=",
    "١٢",
    "1,000",
    "50%",
    "$5",
]


@pytest.mark.parametrize(("written", "meant"), SCALARS)
def test_plain_scalars_mean_what_yaml_1_2_says(written, meant):
    value = read(f"a: {written}", name="f")["a"]
    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize("written", TEXTS)
def test_what_is_no_yaml_1_2_number_or_boolean_is_text(written):
    assert read(f"a: {written}", name="f") == {"a": written}


@pytest.mark.parametrize("written", [".nan", ".NaN", ".NAN"])
def test_nan_is_a_float(written):
    assert math.isnan(read(f"[{written}]", name="f")[0])


@pytest.mark.parametrize("written", ["1", "1e9", "true", "null", "~", "", ".nan", "150_000", "no"])
@pytest.mark.parametrize("quote", ["'", '"'])
def test_quoted_scalars_are_text(written, quote):
    assert read(f"a: {quote}{written}{quote}", name="f") == {"a": written}


def test_block_scalars_are_text():
    assert read("a: |\n  1\n  2\nb: >-\n  3\n  4\n", name="f") == {"a": "1\n2\n", "b": "3 4"}


def test_a_number_seen_before_as_text_is_still_a_number():
    values = read("['1', 1, '1', 1.0, true, 1]", name="f")
    assert [type(value) for value in values] == [str, int, str, float, bool, int]


@pytest.mark.parametrize(
    ("written", "meant"),
    [("!!str 5", "5"), ("! 5", "5"), ("!!int '5'", 5), ("!!float 5", 5), ("!!bool 'true'", True), ("!!null ''", None)],
)
def test_core_tags_are_obeyed(written, meant):
    assert read(f"a: {written}", name="f") == {"a": meant}


def test_core_tags_of_collections_are_obeyed():
    assert read("a: !!map {b: !!seq [1]}", name="f") == {"a": {"b": [1]}}


@pytest.mark.parametrize("key", ["150_000", "+1", "012", "2026-05-08", "no", "1:30"])
def test_keys_keep_their_text(key):
    assert list(read(f"{key}: x", name="f")) == [key]


@pytest.mark.parametrize("key", ["true", "null", "1.5", "~", ""])
def test_quoted_keys_are_text_whatever_they_spell(key):
    assert read(f'"{key}": x', name="f") == {key: "x"}


@pytest.mark.parametrize("source", ["", "\n\n", "# only a comment", "---", b"", b"\xef\xbb\xbf"])
def test_an_empty_document_is_none(source):
    assert read(source, name="f") is None


def test_a_document_may_be_a_scalar_or_a_list():
    assert read("5", name="f") == 5
    assert read("- 1\n- a", name="f") == [1, "a"]


@pytest.mark.parametrize("source", ["%YAML 1.2\n---\na: 1\n", "---\na: 1\n...\n", "{a: 1}", "a: 1\r\n", "\ufeffa: 1"])
def test_dressings_of_one_document_change_nothing(source):
    assert read(source, name="f") == {"a": 1}
    assert read(source.encode(), name="f") == {"a": 1}


def test_aliases_stand_for_copies():
    data = read("a: &x {b: [1, 2], c: {d: 3}}\ne: *x\nf: &y 7\ng: *y", name="f")
    assert data["e"] == data["a"] == {"b": [1, 2], "c": {"d": 3}}
    assert data["g"] == 7
    put(data["e"], "b", 5)
    data["e"]["c"]["d"] = 4
    assert data["a"] == {"b": [1, 2], "c": {"d": 3}}
    assert locate(data, ("a", "b")) == ("f", Mark(1, 11))
    assert locate(data, ("e", "b")) == ("f", Mark(1, 1))


def test_the_inside_of_an_alias_is_located_at_its_anchor():
    data = read("a: &x\n  b: [1, 2]\ne: *x", name="f")
    assert locate(data, ("e",)) == ("f", Mark(3, 4))
    assert locate(data, ("e", "b", 1)) == ("f", Mark(2, 10))


def test_the_later_of_two_anchors_of_one_name_counts():
    assert read("[&a 1, *a, &a 2, *a]", name="f") == [1, 1, 2, 2]


def test_100_aliases_and_64_levels_are_allowed():
    assert len(read("a: &a x\nb: [" + "*a, " * 100 + "]", name="f")["b"]) == 100
    assert read("[" * 64 + "]" * 64, name="f")
    assert read("x: &x 1\ny: " + "[" * 63 + "*x" + "]" * 63, name="f")


def test_scalars_up_to_the_limits_are_allowed():
    assert read("a: " + "9" * 40, name="f")["a"] == 10**40 - 1
    assert len(read("a: " + "x" * 10_000, name="f")["a"]) == 10_000
    assert read("a: 0." + "1" * 9_998, name="f")["a"] == pytest.approx(1 / 9)


def test_the_garbage_collector_is_left_as_it_was():
    assert gc.isenabled()
    read("a: 1", name="f")
    with pytest.raises(InputError):
        read("a: [", name="f")
    assert gc.isenabled()
    gc.disable()
    try:
        read("a: 1", name="f")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_file_is_read_and_named_by_its_path(tmp_path):
    path = tmp_path / "fleet.yaml"
    path.write_text(FLEET, encoding="utf-8")
    data = read_file(path)
    assert data["pools"][0] == {"name": "h100", "gpu": "h100-sxm", "count": 150_000}
    assert locate(data, ("name",)) == (str(path), Mark(2, 7))


# --- places


@pytest.mark.parametrize(
    ("path", "value_at", "key_at"),
    [
        (("name",), (2, 7), (2, 1)),
        (("pools",), (4, 3), (3, 1)),
        (("pools", 0), (4, 5), (4, 5)),
        (("pools", 0, "count"), (4, 40), (4, 33)),
        (("pools", 1), (5, 5), (5, 5)),
        (("pools", 1, "count"), (6, 12), (6, 5)),
        (("sites", "memphis", "pue_factor"), (9, 17), (9, 5)),
    ],
)
def test_every_value_and_key_has_its_place(path, value_at, key_at):
    data = read(FLEET, name="fleet.yaml")
    assert locate(data, path) == ("fleet.yaml", Mark(*value_at))
    assert locate(data, path, key=True) == ("fleet.yaml", Mark(*key_at))


@pytest.mark.parametrize(
    ("path", "known"),
    [
        (("pools", 1, "gpu"), ("pools", 1)),
        (("pools", 7, "gpu"), ("pools",)),
        (("pools", -1), ("pools",)),
        (("pools", "0"), ("pools",)),
        (("name", "value", "x"), ("name",)),
        (("sites", "memphis", "x", "y"), ("sites", "memphis")),
    ],
)
def test_a_path_that_leads_nowhere_is_placed_at_its_deepest_known_part(path, known):
    data = read(FLEET, name="f")
    assert locate(data, path) == locate(data, known)


def test_the_root_stands_at_the_top():
    data = read(FLEET, name="f")
    assert locate(data, ()) == locate(data, ("nothing",)) == ("f", Mark(1, 1))


@pytest.mark.parametrize("root", [None, 5, "text", {"a": 1}, [1]])
def test_what_was_not_read_has_no_place(root):
    assert locate(root, ("a",)) is None


def test_a_number_in_a_path_finds_a_key_that_is_written_as_one():
    assert locate(read("a: {1: x}", name="f"), ("a", 1)) == ("f", Mark(1, 8))


def test_columns_count_characters_not_bytes():
    data = read("{ä: é, b: 1}".encode(), name="f")
    assert locate(data, ("b",)) == ("f", Mark(1, 11))
    assert locate(read("😀: {😀: 1}", name="f"), ("😀", "😀")) == ("f", Mark(1, 8))


def test_an_entry_without_a_place_is_placed_at_what_holds_it():
    data = read("a: {b: 1}", name="f")
    data["a"]["c"] = 2
    assert locate(data, ("a", "c")) == locate(data, ("a",)) == ("f", Mark(1, 4))
    listed = read("a: [1]", name="f")
    listed["a"].append(2)
    assert locate(listed, ("a", 1)) == locate(listed, ("a",))


def test_empty_values_have_a_place():
    assert locate(read("a:\nb: 1", name="f"), ("a",)) == ("f", Mark(1, 3))


def test_maps_and_lists_survive_copying_and_pickling():
    data = read(FLEET, name="f")
    for other in (copy.deepcopy(data), copy.copy(data), pickle.loads(pickle.dumps(data))):  # noqa: S301 - our own
        assert other == data
        assert locate(other, ("pools", 1, "count")) == locate(data, ("pools", 1, "count"))


# --- building and merging


def test_put_sets_the_value_and_its_place():
    built = new_map("--set a.b=1")
    put(built, "b", 1)
    assert built == {"b": 1}
    assert locate(built, ("b",)) == ("--set a.b=1", Mark(1, 1))
    put(built, "b", 2, mark=Mark(3, 4), file="other.yaml")
    assert built == {"b": 2}
    assert locate(built, ("b",)) == locate(built, ("b",), key=True) == ("other.yaml", Mark(3, 4))
    put(built, "b", 3)
    assert locate(built, ("b",)) == ("--set a.b=1", Mark(1, 1))


BASE = read("name: base\nsites: {memphis: {pue_factor: 1.2, kind: ground}}\npools: [1, 2]\n", name="base.yaml")
OVER = read("\n\npools: [3]\nsites:\n  memphis: {pue_factor: 1.3}\n  atlanta: {}\n", name="over.yaml")


def test_mappings_merge_and_everything_else_is_replaced():
    assert merged(BASE, OVER) == {
        "name": "base",
        "sites": {"memphis": {"pue_factor": 1.3, "kind": "ground"}, "atlanta": {}},
        "pools": [3],
    }
    assert list(merged(BASE, OVER)) == ["name", "sites", "pools"]


@pytest.mark.parametrize(
    ("path", "file", "value_at", "key_at"),
    [
        (("name",), "base.yaml", (1, 7), (1, 1)),
        (("sites",), "base.yaml", (2, 8), (2, 1)),
        (("sites", "memphis"), "base.yaml", (2, 18), (2, 9)),
        (("sites", "memphis", "kind"), "base.yaml", (2, 42), (2, 36)),
        (("sites", "memphis", "pue_factor"), "over.yaml", (5, 25), (5, 13)),
        (("sites", "atlanta"), "over.yaml", (6, 12), (6, 3)),
        (("pools",), "over.yaml", (3, 8), (3, 1)),
        (("pools", 0), "over.yaml", (3, 9), (3, 9)),
    ],
)
def test_every_merged_entry_keeps_its_file_and_place(path, file, value_at, key_at):
    result = merged(BASE, OVER)
    assert locate(result, path) == (file, Mark(*value_at))
    if path[-1] != 0:
        assert locate(result, path, key=True) == (file, Mark(*key_at))


def test_merging_leaves_both_sides_alone():
    before = copy.deepcopy((BASE, OVER))
    result = merged(BASE, OVER)
    put(result["sites"]["memphis"], "kind", "orbital")
    assert before == (BASE, OVER)
    assert locate(BASE, ("sites", "memphis", "kind")) == ("base.yaml", Mark(2, 42))


def test_places_survive_a_second_merge():
    last = new_map("--set name=x")
    put(last, "name", "x")
    result = merged(merged(BASE, OVER), last)
    assert locate(result, ("name",)) == ("--set name=x", Mark(1, 1))
    assert locate(result, ("sites", "memphis", "pue_factor")) == ("over.yaml", Mark(5, 25))


def test_a_mapping_replaces_a_scalar_and_a_scalar_a_mapping():
    one, two = read("a: 1\nb: {c: 1}", name="1"), read("a: {c: 1}\nb: 2", name="2")
    assert merged(one, two) == two
    assert merged(two, one) == one


# --- one value


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *SCALARS,
        *[(text, text) for text in TEXTS],
        ("a, b", "a, b"),
        ("[a, 1, {b: 2}]", ["a", 1, {"b": 2}]),
        ("{a: 1}", {"a": 1}),
        ("'a: b'", "a: b"),
        ("'Colossus #1'", "Colossus #1"),
        ("a#1", "a#1"),
        (" 5 ", 5),
        ("!!str 5", "5"),
    ],
)
def test_a_value_reads_as_it_would_behind_a_key(written, meant):
    assert read_scalar(written, name="--set k") == meant


def test_the_inside_of_a_value_has_its_place():
    assert locate(read_scalar("[a, {b: 2}]", name="--set k"), (1, "b")) == ("--set k", Mark(1, 9))


# --- laws

PRINTABLE = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\u2028\u2029\ufeff\ufffe\uffff\x7f")
TEXT = st.text(PRINTABLE, max_size=20)
LEAVES = st.none() | st.booleans() | st.integers(-(10**38), 10**38) | st.floats(allow_nan=False) | TEXT
KEYS = TEXT.filter(lambda key: key != "<<")
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


def as_json(data, **options):
    return json.dumps(data, **options).replace("Infinity", ".inf")


@settings(max_examples=200, deadline=None, derandomize=True)
@given(DATA.filter(lambda data: "Infinity" not in repr(data)), st.sampled_from([None, 2, "\t"]))
def test_json_reads_back_equal(data, indent):
    text = as_json(data, ensure_ascii=False, indent=indent)
    assert read(text, name="f") == data
    assert read(text.encode(), name="f") == data
    assert read_scalar(text, name="f") == data


@settings(max_examples=100, deadline=None, derandomize=True)
@given(DATA)
def test_data_written_with_a_core_tag_on_every_scalar_reads_back_equal(data):
    plain_keys = json.loads(json.dumps(data))
    text = yaml.safe_dump([plain_keys], default_style='"', allow_unicode=False, width=1_000)
    assert read(text, name="f") == [plain_keys]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(DATA)
def test_every_entry_of_random_data_has_a_place_inside_the_text(data):
    text = as_json(data, ensure_ascii=False, indent=1)
    lines = text.split("\n")

    def check(node, path):
        if path:
            file, mark = locate(root, path)
            assert file == "f"
            start = lines[mark.line - 1][mark.column - 1 :]
            assert start.startswith({Map: "{", List: "["}.get(type(node), as_json(node, ensure_ascii=False)))
        for key, item in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
            check(item, (*path, key))

    root = read(text, name="f")
    check(root, ())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.text(st.sampled_from("ab1 .:-?,[]{}#&*!|>'\"%@`~\\\n\t<=_é\x00\u2028")) | st.binary(max_size=30))
def test_any_text_gives_data_or_faults_and_nothing_else(source):
    for reader in (read, read_scalar) if isinstance(source, str) else (read,):
        faults = _faults_of(reader, source)
        assert all(str(fault).isprintable() for fault in faults)


def _faults_of(reader, source):
    try:
        reader(source, name="f")
    except InputError as error:
        return error.faults or pytest.fail("an error without a fault")
    return ()


@pytest.mark.parametrize("source", [FLEET, "a: &x [1, 2]\nb: *x", "a: 'it''s'", "- 1e9\n- no\n-\n"])
def test_the_slow_parser_reads_the_same(source, monkeypatch):
    quick = read(source, name="f")
    monkeypatch.setattr(yamlio, "_PARSER", yaml.SafeLoader)
    slow = read(source, name="f")
    assert slow == quick
    assert locate(slow, ("b",)) == locate(quick, ("b",))


@pytest.mark.parametrize("source", ["a: [1", "a: {b: 1]", "a: 'x", "a: @x", "a: b: c", "a: *", "a: 1\nb", "a\n...\nb"])
def test_the_slow_parser_refuses_the_same_in_plain_words(source, monkeypatch):
    monkeypatch.setattr(yamlio, "_PARSER", yaml.SafeLoader)
    with pytest.raises(InputError) as caught:
        read(source, name="f")
    assert len(caught.value.faults) == 1
    assert "while" not in str(caught.value)
