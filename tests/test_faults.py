from typing import Annotated

import pytest
from pydantic import Field, ValidationError

from colocalc.errors import Fault
from colocalc.faults import fault_at, faults_of, fields_at, in_order, shown
from colocalc.figure import Count, Definition, Figure, Share
from colocalc.fleet import Fleet, Layout
from colocalc.yamlio import read


class Inner(Definition):
    part_share: Figure[Share] | None = None
    other_share: Figure[Share]


class Outer(Definition):
    name: str
    named: str | None = None
    inner: Inner | None = None
    many: Annotated[tuple[Inner, ...], "any"] = ()
    by_key: dict[str, Inner] = Field(default_factory=dict)
    gpu_count: Count | None = None


def lines(text, kind=Outer):
    tree = read(text, name="f")
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(tree)
    return [str(fault) for fault in faults_of(caught.value, tree, kind, "f")]


def test_an_unknown_key_is_located_at_the_key():
    assert lines("name: x\nnnamed: y\n") == ["f:2:1: nnamed: unknown key; did you mean named?"]


def test_a_bad_value_is_located_at_the_value():
    assert lines("name: 5\n") == ["f:1:7: name: should be text, not 5; put it in quotes"]


def test_a_missing_key_is_located_at_the_mapping_it_is_missing_from():
    assert lines("name: x\ninner:\n  part_share: 1\n") == ["f:3:3: inner.other_share: missing"]


def test_a_bad_key_of_a_mapping_by_name_is_located_at_the_key():
    text = "name: x\npools: [{gpu: h100-sxm, count: 8}]\nsites: {my site: {}}\n"
    (line,) = lines(text, Fleet)
    assert line.startswith("f:3:9: sites.my site: should be letters, digits")


def test_a_mistyped_key_is_told_once_and_not_as_missing_too():
    assert lines("nname: x\n") == ["f:1:1: nname: unknown key; did you mean name?"]


def test_a_missing_key_that_only_resembles_a_mistyped_one_is_told():
    # other_share resembles part_shares a little; part_share is what is meant.
    assert lines("name: x\ninner: {part_shares: 1}\n") == [
        "f:2:8: inner.other_share: missing",
        "f:2:9: inner.part_shares: unknown key; did you mean part_share?",
    ]


def test_every_fault_is_told_in_the_order_of_the_file():
    found = lines("gpu_count: 1.5\nmany: [{other_share: 2}, {other_share: -1}]\nname: ''\nbad: 1\n", Outer)
    assert [line.split(": ")[1] for line in found] == [
        "gpu_count",
        "many.0.other_share",
        "many.1.other_share",
        "bad",
    ]


def test_the_inside_of_a_bare_figure_is_no_part_of_the_path():
    assert lines("name: x\ninner: {other_share: 1.5}\n") == ["f:2:22: inner.other_share: should be at most 1, not 1.5"]
    assert lines("name: x\ninner: {other_share: {value: 1.5}}\n") == [
        "f:2:30: inner.other_share.value: should be at most 1, not 1.5"
    ]


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("90", "not 90; write percent as a share of one: 0.9"),
        ("2.5", "not 2.5; write percent as a share of one: 0.025"),
        ('"12.5 %"', 'not "12.5 %"; write percent as a share of one: 0.125'),
        ("1.5", "not 1.5"),
        ("101", "not 101"),
    ],
)
def test_percent_is_told_how_it_is_written(value, hint):
    (fault,) = lines(f"name: x\ninner: {{other_share: {value}}}\n")
    assert fault.endswith(hint)


def test_a_tag_of_a_union_is_no_part_of_the_path():
    text = "name: x\npools: [{gpu: h100-sxm, count: 8}]\ntraining: {layout: {tp: 0}}\n"
    assert lines(text, Fleet) == ["f:3:25: training.layout.tp: should be above 0, not 0"]


def test_a_key_that_is_called_like_a_tag_stays_in_the_path():
    text = "name: x\npools: [{gpu: h100-sxm, count: 8}]\nsources: {word: 5}\n"
    assert lines(text, Fleet) == ["f:3:17: sources.word: should be a mapping, not 5"]


def test_a_value_that_may_be_two_things_is_told_both():
    text = "name: x\npools: [{gpu: h100-sxm, count: 8}]\ntraining: {layout: 5}\n"
    assert lines(text, Fleet) == ["f:3:20: training.layout: should be auto or a mapping, not 5"]


def test_a_value_is_cut_at_eighty_characters():
    (line,) = lines(f"name: x\ngpu_count: {'many ' * 40}\n")
    assert len(line) < 130
    assert line.endswith('…"')


def test_a_limit_is_written_with_its_thousands():
    text = "name: x\npools: [{gpu: h100-sxm, count: 2e9}]\n"
    assert lines(text, Fleet) == ["f:2:32: pools.0.count: should be at most 1,000,000,000, not 2000000000.0"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([], "a list"),
        ({}, "a mapping"),
        (None, "empty"),
        (True, "true"),
        (False, "false"),
        (5, "5"),
        ("5", '"5"'),
        ("\x1b", '"\\x1b"'),
    ],
)
def test_what_was_found_is_shown_as_the_file_has_it(value, words):
    assert shown(value) == words


def test_faults_are_ordered_by_file_line_and_column():
    faults = [
        Fault("m", "b", 1, 1),
        Fault("m", "a", 2, 1),
        Fault("m", "a", 1, 9),
        Fault("m", "a", 1, 2),
        Fault("m", "a"),
    ]
    assert [(fault.file, fault.line, fault.column) for fault in in_order(faults)] == [
        ("a", None, None),
        ("a", 1, 2),
        ("a", 1, 9),
        ("a", 2, 1),
        ("b", 1, 1),
    ]


def test_a_fault_is_placed_at_the_value_or_at_its_key():
    tree = read("a:\n  b: 5\n", name="f")
    assert str(fault_at(tree, ("a", "b"), "m")) == "f:2:6: a.b: m"
    assert str(fault_at(tree, ("a", "b"), "m", key=True, hint="h")) == "f:2:3: a.b: m; h"


def test_a_fault_in_what_is_not_there_is_placed_at_what_is():
    assert str(fault_at(read("a:\n  b: 5\n", name="f"), ("a", "c", "d"), "m")) == "f:2:3: a.c.d: m"


def test_a_fault_of_data_without_places_has_the_name_alone():
    assert str(fault_at({"a": 5}, ("a",), "m", name="memory")) == "memory: a: m"


@pytest.mark.parametrize(
    ("kind", "path", "fields"),
    [
        (Outer, (), list(Outer.model_fields)),
        (Outer, ("inner",), list(Inner.model_fields)),
        (Outer, ("many", 0), list(Inner.model_fields)),
        (Outer, ("by_key", "any"), list(Inner.model_fields)),
        (Outer, ("inner", "part_share"), ["value", "low", "high", "source", "note"]),
        (Outer, ("gpu_count",), []),
        (Outer, ("name",), []),
        (Outer, ("by_key",), []),
        (Fleet, ("training", "layout"), list(Layout.model_fields)),
        (Fleet, ("training", "layout", "mapping"), list(Layout.model_fields)),
        (Fleet, ("scenarios", "s", "set"), []),
    ],
)
def test_the_keys_a_definition_knows_at_a_path(kind, path, fields):
    assert fields_at(kind, path) == fields
