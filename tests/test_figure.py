import copy
from typing import Annotated

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from colocalc import figure, units
from colocalc.figure import Count, Definition, FactorOfOne, Figure, Quantity, Share, UsdPerMwh

LAW = settings(max_examples=60, deadline=None, derandomize=True)


class Pool(Definition):
    count: Figure[Count]
    price_usd_per_mwh: Figure[UsdPerMwh] | None = None
    billed_share: Share = 1.0


def faults(entry):
    with pytest.raises(ValidationError) as caught:
        Pool.model_validate(entry)
    return [(fault["loc"], fault["type"]) for fault in caught.value.errors()]


def test_a_bare_number_and_a_mapping_with_that_value_are_the_same_figure():
    bare = Pool.model_validate({"count": 150_000}).count
    assert bare == Pool.model_validate({"count": {"value": 150_000}}).count
    assert (bare.value, bare.low, bare.high, bare.source, bare.note) == (150_000.0, None, None, None, None)


def test_a_figure_keeps_its_band_its_source_and_its_note():
    read = Pool.model_validate({"count": {"value": 3, "low": 2, "high": 4, "source": "mirae-2026-05", "note": "n"}})
    assert read.count == Figure(3.0, 2.0, 4.0, "mirae-2026-05", "n")


def test_a_band_may_have_one_end_or_no_width():
    assert Pool.model_validate({"count": {"value": 3, "high": 4}}).count.low is None
    assert Pool.model_validate({"count": {"value": 3, "low": 3, "high": 3}}).count.low == 3.0


@pytest.mark.parametrize("wrong", ["3", True, None, [3], "yes", b"3"], ids=repr)
def test_what_is_no_number_is_refused_at_the_value(wrong):
    assert faults({"count": wrong}) == [(("count", "value"), "float_type")]
    assert faults({"count": {"value": wrong}}) == [(("count", "value"), "float_type")]


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_refused(wrong):
    assert faults({"count": wrong}) == [(("count", "value"), "finite_number")]
    assert faults({"count": 1, "billed_share": wrong}) == [(("billed_share",), "finite_number")]


def test_a_whole_number_beyond_a_float_is_refused_and_not_a_crash():
    assert [place for place, _ in faults({"count": 10**400})] == [("count", "value")]


def test_a_fraction_of_a_whole_thing_is_refused():
    assert faults({"count": 1.5}) == [(("count", "value"), "not_whole")]


@pytest.mark.parametrize(
    ("annotation", "inside", "outside"),
    [
        (Share, [0, 0.5, 1], [-0.1, 1.1]),
        (FactorOfOne, [0.1, 1], [0, 1.01]),
        (Count, [1, 2.0], [0, -1, 1.5]),
        (UsdPerMwh, [0, 68.5], [-1]),
    ],
)
def test_a_quantity_takes_its_range_and_nothing_beyond(annotation, inside, outside):
    adapter = TypeAdapter(annotation)
    assert [adapter.validate_python(value) for value in inside] == inside
    for value in outside:
        with pytest.raises(ValidationError):
            adapter.validate_python(value)


@pytest.mark.parametrize(
    ("band", "kind"),
    [({"value": 3, "low": 4}, "band"), ({"value": 3, "high": 2}, "band"), ({"value": 3, "low": 9, "high": 1}, "band")],
)
def test_a_band_that_leaves_out_its_value_is_refused(band, kind):
    assert faults({"count": band}) == [(("count",), kind)]


def test_each_end_of_a_band_is_checked_like_the_value_and_named():
    assert faults({"count": {"value": 3, "lo": 1}}) == [(("count", "lo"), "extra_forbidden")]
    assert faults({"count": {"value": 3, "low": "1"}}) == [(("count", "low"), "float_type")]
    assert faults({"count": {"value": 3, "high": 3.5}}) == [(("count", "high"), "not_whole")]


def test_a_mapping_needs_a_value():
    assert faults({"count": {"low": 1}}) == [(("count", "value"), "missing")]
    assert faults({"count": {}}) == [(("count", "value"), "missing")]


@pytest.mark.parametrize("text", ["", 7, ["a"]])
def test_a_source_and_a_note_are_text_with_something_in_it(text):
    assert [place for place, _ in faults({"count": {"value": 3, "source": text}})] == [("count", "source")]
    assert [place for place, _ in faults({"count": {"value": 3, "note": text}})] == [("count", "note")]


def test_a_definition_refuses_keys_it_does_not_know_and_names_each():
    assert faults({"count": 3, "cuont": 3, "x": 1}) == [(("cuont",), "extra_forbidden"), (("x",), "extra_forbidden")]


def test_a_definition_cannot_be_changed():
    pool = Pool.model_validate({"count": 3})
    with pytest.raises(ValidationError):
        pool.billed_share = 0.5


def test_reading_does_not_change_what_was_read():
    entry = {"count": {"value": 3, "low": 1}, "price_usd_per_mwh": 68.5}
    before = copy.deepcopy(entry)
    Pool.model_validate(entry)
    assert entry == before


def test_equal_figures_are_equal_and_hash_alike():
    assert Figure(1.0, source="a") == Figure(1.0, source="a")
    assert hash(Figure(1.0, source="a")) == hash(Figure(1.0, source="a"))
    assert Figure(1.0) != Figure(1.0, source="a")
    assert Figure(1.0) != 1.0
    assert len({Figure(1.0), Figure(1.0), Figure(2.0)}) == 2


def test_a_figure_shows_all_it_holds():
    assert repr(Figure(1.0, 0.5, None, "s")) == "Figure(1.0, low=0.5, high=None, source='s', note=None)"


def test_the_quantity_of_an_annotation_is_found_bare_and_in_a_figure():
    assert figure.quantity_of(Figure[UsdPerMwh]) is figure.quantity_of(UsdPerMwh)
    assert figure.quantity_of(UsdPerMwh).unit == "usd_per_mwh"


@pytest.mark.parametrize("annotation", [float, Annotated[float, "usd"], Figure[float]])
def test_an_annotation_without_a_quantity_is_a_mistake(annotation):
    with pytest.raises(TypeError):
        figure.quantity_of(annotation)


ALIASES = {
    name: each
    for name, each in vars(figure).items()
    if any(isinstance(part, figure.Quantity) for part in getattr(each, "__metadata__", ()))
}


@pytest.mark.parametrize("name", ALIASES)
def test_every_alias_speaks_a_known_unit(name):
    unit = figure.quantity_of(ALIASES[name]).unit
    assert unit in units.UNITS or name == "AnyNumber"  # whose unit is in its path


def test_the_json_schema_says_range_whole_numbers_and_both_spellings():
    schema = TypeAdapter(Figure[Count]).json_schema()
    number, mapping = schema["anyOf"]
    assert number == {"type": "integer", "exclusiveMinimum": 0.0}
    assert mapping["required"] == ["value"]
    assert mapping["additionalProperties"] is False
    assert set(mapping["properties"]) == {"value", "low", "high", "source", "note"}
    assert TypeAdapter(Share).json_schema() == {"type": "number", "minimum": 0.0, "maximum": 1.0}


@pytest.mark.parametrize(
    "entry",
    [
        {"count": 3},
        {"count": {"value": 3, "low": 1, "high": 5, "source": "s", "note": "n"}},
        {"count": 3, "price_usd_per_mwh": {"value": 68.5}, "billed_share": 0.9},
        {"count": 0},
        {"count": "3"},
        {"count": 1.5},
        {"count": {"low": 3}},
        {"count": {"value": 3, "lo": 1}},
        {"count": {"value": 3, "source": ""}},
        {"count": 3, "billed_share": 1.5},
        {"count": 3, "x": 1},
    ],
    ids=repr,
)
def test_the_json_schema_takes_what_the_reader_takes(entry):
    try:
        Pool.model_validate(entry)
    except ValidationError:
        read = False
    else:
        read = True
    assert jsonschema.Draft7Validator(Pool.model_json_schema()).is_valid(entry) is read


@LAW
@given(st.floats(min_value=0.0, max_value=1.0), st.floats(min_value=0.0, max_value=1.0), st.floats(0.0, 1.0))
def test_a_band_is_taken_exactly_when_it_holds_its_value(value, low, high):
    adapter = TypeAdapter(Figure[Share])
    entry = {"value": value, "low": low, "high": high}
    if low <= value <= high:
        assert adapter.validate_python(entry) == Figure(value, low, high)
    else:
        with pytest.raises(ValidationError):
            adapter.validate_python(entry)


def test_a_quantity_without_limits_takes_any_finite_number():
    adapter = TypeAdapter(Annotated[float, Quantity("usd")])
    assert adapter.validate_python(-1e300) == -1e300
