"""The constants of the step-time model: what a file may say, and what the one that ships says."""

from dataclasses import fields

import pytest

from colocalc.calibration import Calibration, Constant
from colocalc.catalog import catalog_dir, load_catalog, read_calibration
from colocalc.errors import InputError
from colocalc.mfu.predict.facts import Constants
from colocalc.units import UNITS, unit_of

SHIPPED = load_catalog().calibration
TEXT = (catalog_dir() / "calibration.yaml").read_text(encoding="utf-8")
FITTED = {
    "sustained_share",
    "tpu_share",
    "fp8_factor",
    "ultra_factor",
    "shape_factor",
    "elementwise_factor",
    "attention_factor",
    "fixed_step_s",
    "scale_loss_share",
    "fsdp_exposed_share",
    "maturity_share",
    "expert_layer_s",
}


# The file that ships


def test_the_constants_are_those_that_the_kernels_take():
    assert list(SHIPPED.values()) == [field.name for field in fields(Constants)]
    assert Constants(**SHIPPED.values()).shape_factor == SHIPPED.shape_factor.value


def test_twelve_constants_are_fitted():
    assert {name for name, constant in SHIPPED.constants().items() if constant.fitted} == FITTED


def test_every_source_exists():
    named = {source for constant in SHIPPED.constants().values() for source in (constant.source, constant.prior_source)}
    assert named <= set(load_catalog().sources)


def test_fitted_values_come_from_the_fit_and_no_prior_does():
    for name, constant in SHIPPED.constants().items():
        assert (constant.source == "fit-2026-11") == (name in FITTED)
        assert constant.prior_source != "fit-2026-11"
    assert load_catalog().sources["fit-2026-11"].kind == "own"


def test_a_recalled_prior_says_so():
    recalled = [each for each in SHIPPED.constants().values() if each.prior_source == "recalled"]
    assert recalled
    assert all("recalled" in (constant.note or "") for constant in recalled)


def test_the_data_told_a_fitted_constant_more_than_its_prior():
    for name in FITTED:
        constant = getattr(SHIPPED, name)
        assert constant.standard_error_log < constant.prior_width_log


def test_units_are_registered_and_end_the_names():
    for name, constant in SHIPPED.constants().items():
        assert constant.unit in UNITS
        assert unit_of(name).suffix == constant.unit


def test_every_constant_has_words_of_its_own():
    meanings = [constant.meaning for constant in SHIPPED.constants().values()]
    assert len(meanings) == len(set(meanings))


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("sustained_share", 0.939, 0.0205), ("fixed_step_s", 0.04417, 0.252), ("maturity_months", 8.0, None)],
)
def test_some_values(name, value, error):
    constant = getattr(SHIPPED, name)
    assert (constant.value, constant.standard_error_log) == (value, error)


def test_traffic_without_overlap_is_seen_whole_by_definition():
    assert SHIPPED.tp_exposed_share.value == SHIPPED.pp_exposed_share.value == 1.0


# A file of one's own


def refusal(tmp_path, old, new):
    assert TEXT.count(old) == 1
    path = tmp_path / "own.yaml"
    path.write_text(TEXT.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_calibration(path)
    return str(caught.value).removeprefix(f"{path}:")


def test_a_file_of_ones_own_is_read_like_the_one_that_ships(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(TEXT.replace("value: 0.939", "value: 0.90"), encoding="utf-8")
    own = read_calibration(path)
    assert own.sustained_share.value == 0.90
    assert own.values() == SHIPPED.values() | {"sustained_share": 0.90}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("sustained_share: {", "sustaned_share: {", "sustaned_share: unknown key; did you mean sustained_share?"),
        ("{value: 0.939", "{valeu: 0.939", "sustained_share.valeu: unknown key; did you mean value?"),
        ("value: 0.939", "value: 0", "sustained_share.value: should be above 0, not 0"),
        ("value: 0.939", "value: .nan", "sustained_share.value: should be a finite number, not nan"),
        ("value: 0.939", 'value: "0.9"', "sustained_share.value: should be a number"),
        ("value: 0.939", "value: 1.2", "sustained_share: is a share, so at most 1"),
        ("unit: months", "unit: s", "maturity_months: should have the unit months"),
        ("standard_error_log: 0.0205", "standard_error_log: 0", "standard_error_log: should be above 0, not 0"),
        ("standard_error_log: 0.0205, ", "", "standard_error_log belongs to a fitted constant, and only there"),
        (
            "{value: 4.0, prior",
            "{value: 3.0, prior",
            "expert_far_factor: value differs from prior, but fitted is false",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path, old, new, told):
    message = refusal(tmp_path, old, new)
    assert told in message
    assert message[0].isdigit()


def test_a_missing_constant_is_told(tmp_path):
    (line,) = [line for line in TEXT.splitlines() if line.startswith("hbm_share")]
    assert "hbm_share: missing" in refusal(tmp_path, f"{line}\n", "")


def test_a_list_is_no_calibration(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("[1, 2]", encoding="utf-8")
    with pytest.raises(InputError, match="should be a mapping"):
        read_calibration(path)


@pytest.mark.parametrize(("record", "name"), [(SHIPPED, "hbm_share"), (SHIPPED.hbm_share, "value")])
def test_a_calibration_cannot_be_changed(record, name):
    with pytest.raises(ValueError, match="frozen"):
        setattr(record, name, 1.0)


def test_the_catalog_reads_its_calibration_once():
    assert load_catalog().calibration is SHIPPED
    assert isinstance(SHIPPED, Calibration)
    assert isinstance(SHIPPED.hbm_share, Constant)
