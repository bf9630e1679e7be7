"""The loader of the catalog, and the rules of its definitions."""

import shutil
from typing import get_args

import pytest
from pydantic import ValidationError

from colocalc import places
from colocalc.card import Rate, RateCard, Term, find_rate
from colocalc.catalog import Catalog, Default, catalog_dir, fleet_names, fleets_dir, load_catalog
from colocalc.errors import ColocalcError, InputError
from colocalc.hardware import GpuType, MeasuredRow, Source
from colocalc.model import ModelDims

DIMS = {
    "layer_count": 2,
    "hidden_dim": 8,
    "mlp_dim": 16,
    "gated_mlp": True,
    "head_count": 4,
    "kv_head_count": 2,
    "head_dim": 2,
    "vocabulary_count": 100,
}


def write_card(*rates, **changes):
    return RateCard.model_validate(
        {"name": "mine", "as_of": "2026-05", "currency": "usd", "rates": list(rates)} | changes
    )


def price(gpu="h100-sxm", term="spot", usd=2.0, **rest):
    return {"gpu": gpu, "term": term, "rate_usd_per_gpu_h": usd, **rest}


def broken(kind, data):
    """The message of the first fault of a definition."""
    with pytest.raises(ValidationError) as caught:
        kind.model_validate(data)
    return caught.value.errors()[0]["msg"]


@pytest.fixture
def copied(tmp_path):
    """A catalog in a folder of its own, to be broken."""
    shutil.copytree(catalog_dir(), tmp_path / "catalog", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "catalog"


# Finding a GPU


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("h100-sxm", "h100-sxm"),
        ("H100", "h100-sxm"),
        ("h100 SXM", "h100-sxm"),
        ("H100_80GB_HBM3", "h100-sxm"),
        ("HGX H100", "h100-sxm"),
        ("A100", "a100-sxm-80gb"),
        ("h800", "h800-sxm"),
        ("H200", "h200-sxm"),
        ("B200", "b200-sxm"),
        ("GB200", "gb200-nvl72"),
        ("gb200 nvl72", "gb200-nvl72"),
        ("GB200NVL72", "gb200-nvl72"),
        ("B300 NVL16", "b300-sxm"),
        ("GB300", "gb300-nvl72"),
        ("mi300x", "mi300x"),
        ("Instinct MI300X", "mi300x"),
        ("TPU v4", "tpu-v4"),
        ("tpu_v5e", "tpu-v5e"),
        ("TPUv5p", "tpu-v5p"),
    ],
)
def test_a_gpu_is_found_by_id_or_alias_however_it_is_written(text, key):
    assert load_catalog().resolve_gpu(text) == key
    assert load_catalog().gpu(text).gpu.id == key


def test_an_alias_is_told_from_an_id():
    assert load_catalog().gpu("h100-sxm").exact
    assert not load_catalog().gpu("H100").exact
    gpu, exact = load_catalog().gpu("GB200")
    assert (gpu.id, exact) == ("gb200-nvl72", False)


def test_an_unknown_gpu_is_none_to_resolve_and_an_error_with_a_hint_to_get():
    assert load_catalog().resolve_gpu("h1000") is None
    with pytest.raises(ColocalcError, match='unknown GPU "h100-sxn"; did you mean h100-sxm'):
        load_catalog().gpu("h100-sxn")


def test_a_gpu_unlike_any_other_gets_no_hint():
    with pytest.raises(ColocalcError) as caught:
        load_catalog().gpu("zzzz")
    assert caught.value.hint is None


def test_the_empty_text_is_no_gpu():
    assert load_catalog().resolve_gpu("") is None
    assert load_catalog().resolve_gpu(" -_ ") is None


def test_an_id_goes_before_the_alias_of_another(copied):
    (copied / "gpus.yaml").write_text(
        "one: {title: One, aliases: [two], peak_tflop_per_s: {bf16: 1}}\ntwo: {title: Two, peak_tflop_per_s: {bf16: 2}}\n"
    )
    assert Catalog(copied).resolve_gpu("TWO") == "two"


def test_names_for_suggestions_are_ids_and_aliases():
    names = load_catalog().gpu_names()
    assert {"h100-sxm", "H100", "v5litepod"} <= set(names)


# Finding everything else


def test_entries_are_found_by_name():
    catalog = load_catalog()
    assert catalog.model("llama-3.1-405b").layer_count == 126
    assert catalog.network("tpu-ici").algorithms == ("torus", "ring")
    assert catalog.card("story-2026-05").currency == "usd"
    assert catalog.default("sites.pue_factor") == catalog.defaults["sites.pue_factor"]


@pytest.mark.parametrize(
    ("find", "name", "message"),
    [
        ("model", "llama-3.1-405", 'unknown model "llama-3.1-405"; did you mean llama-3.1-405b'),
        ("network", "nccl-ethernt", 'unknown network "nccl-ethernt"; did you mean nccl-ethernet'),
        ("card", "story-2026-06", 'unknown rate card "story-2026-06"; did you mean story-2026-05'),
        ("default", "sites.pue", 'unknown default "sites.pue"; did you mean sites.pue_factor'),
    ],
)
def test_a_wrong_name_gets_a_hint(find, name, message):
    with pytest.raises(ColocalcError, match=message):
        getattr(load_catalog(), find)(name)


@pytest.mark.parametrize("name", ["../defaults", "cards/story-2026-05", "/etc/hostname", ""])
def test_a_card_name_is_no_path(name):
    with pytest.raises(ColocalcError, match="unknown rate card"):
        load_catalog().card(name)


def test_card_names_are_sorted():
    assert list(load_catalog().card_names()) == sorted(load_catalog().card_names())


def test_the_folders_of_the_catalog_and_the_samples_exist():
    assert (catalog_dir() / "gpus.yaml").is_file()
    assert fleets_dir().is_dir()
    assert list(fleet_names()) == sorted(path.stem for path in fleets_dir().glob("*.yaml"))


def test_installed_samples_go_before_those_of_a_checkout(tmp_path, monkeypatch):
    package = tmp_path / "colocalc"
    (tmp_path / "fleets").mkdir()
    (package / "catalog").mkdir(parents=True)
    monkeypatch.setattr(places, "catalog_dir", lambda: package / "catalog")
    assert fleets_dir() == tmp_path / "fleets"
    (package / "_fleets").mkdir()
    (package / "_fleets" / "b.yaml").touch()
    (package / "_fleets" / "a.yaml").touch()
    assert fleets_dir() == package / "_fleets"
    assert fleet_names() == ("a", "b")


# Laziness


def test_the_catalog_is_loaded_once():
    assert load_catalog() is load_catalog()


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    catalog = Catalog(tmp_path / "nowhere")
    assert catalog.card_names() == ()
    with pytest.raises(ColocalcError):
        catalog.gpu("h100")


def test_a_gpu_is_built_when_it_is_asked_for_and_only_once(monkeypatch):
    catalog = Catalog(catalog_dir())
    built = []
    original = GpuType.model_validate
    monkeypatch.setattr(GpuType, "model_validate", lambda data: built.append(data["id"]) or original(data))
    assert catalog.resolve_gpu("H100") == "h100-sxm"
    assert len(catalog.gpus) == len(list(catalog.gpus)) > 0
    assert "h100-sxm" in catalog.gpus
    assert not built
    assert catalog.gpus["h100-sxm"] is catalog.gpu("H100").gpu
    assert built == ["h100-sxm"]


def test_a_broken_file_troubles_only_who_asks_for_it(copied):
    (copied / "sources.yaml").write_text("- not a mapping\n")
    catalog = Catalog(copied)
    assert catalog.gpu("H100").gpu.id == "h100-sxm"
    with pytest.raises(InputError, match=r"sources\.yaml.*should be a mapping"):
        list(catalog.sources)


def test_a_broken_gpu_troubles_only_who_asks_for_it(copied):
    (copied / "gpus.yaml").write_text(
        "good: {title: Good, peak_tflop_per_s: {bf16: 1}}\nbad: {title: Bad, aliases: 7}\nworse: 3\n"
    )
    catalog = Catalog(copied)
    assert catalog.gpu("GOOD").gpu.peak_tflop_per_s["bf16"].value == 1
    assert catalog.gpu_names() == ("good", "bad", "worse")
    with pytest.raises(InputError, match=r"bad\.peak_tflop_per_s"):
        catalog.gpu("bad")
    with pytest.raises(InputError, match=r"worse: should be a mapping"):
        catalog.gpu("worse")


def test_a_fault_names_the_file_the_line_and_the_key(copied):
    (copied / "gpus.yaml").write_text("mine:\n  title: Mine\n  peak_tflop_per_s:\n    bf16: {value: -1, source: x}\n")
    with pytest.raises(InputError) as caught:
        Catalog(copied).gpu("mine")
    (fault,) = caught.value.faults
    assert fault.file.endswith("gpus.yaml")
    assert fault.line == 4
    assert fault.path == "mine.peak_tflop_per_s.bf16.value"


def test_all_faults_of_an_entry_come_at_once(copied):
    (copied / "cards" / "mine.yaml").write_text(
        "name: mine\nas_of: 2026-13\ncurrency: eur\nrates:\n  - {gpu: h100-sxm, term: weekly, rate_usd_per_gpu_h: 2}\n"
    )
    with pytest.raises(InputError) as caught:
        Catalog(copied).card("mine")
    assert [fault.path for fault in caught.value.faults] == ["as_of", "currency", "rates.0.term"]


def test_a_missing_key_is_a_key_error():
    with pytest.raises(KeyError):
        load_catalog().gpus["nothing"]
    assert load_catalog().gpus.get("nothing") is None


# Rates


def test_terms_run_from_spot_to_five_years():
    assert get_args(Term) == ("spot", "on-demand", "1-month", "1-year", "2-year", "3-year", "5-year")


def test_a_rate_is_found_by_gpu_and_term():
    card = write_card(price(usd=2.0), price(term="3-year", usd=1.5), price(gpu="h200-sxm", usd=3.0))
    assert find_rate(card, gpu_id="h100-sxm", term="3-year").rate_usd_per_gpu_h.value == 1.5
    assert find_rate(card, gpu_id="h200-sxm", term="spot").rate_usd_per_gpu_h.value == 3.0


def test_a_term_the_card_lacks_has_no_rate():
    card = write_card(price(), price(term="3-year"))
    assert find_rate(card, gpu_id="h100-sxm", term="1-year") is None


def test_a_card_with_a_single_term_is_used_for_that_term():
    rate = find_rate(load_catalog().card("market-3yr"), gpu_id="h100-sxm", term="on-demand")
    assert (rate.term, rate.rate_usd_per_gpu_h.value) == ("3-year", 2.00)


def test_a_single_term_is_that_of_the_whole_card_and_not_of_one_gpu():
    card = write_card(price(), price(gpu="h200-sxm", term="3-year"))
    assert find_rate(card, gpu_id="h100-sxm", term="3-year") is None


def test_a_gpu_the_card_lacks_has_no_rate():
    assert find_rate(load_catalog().card("story-2026-05"), gpu_id="mi300x", term="on-demand") is None


def test_the_price_of_the_region_goes_before_the_price_everywhere():
    card = write_card(price(usd=1.0), price(usd=2.0, region="us"))
    assert find_rate(card, gpu_id="h100-sxm", term="spot", region="us").rate_usd_per_gpu_h.value == 2.0
    assert find_rate(card, gpu_id="h100-sxm", term="spot", region="eu").rate_usd_per_gpu_h.value == 1.0
    assert find_rate(card, gpu_id="h100-sxm", term="spot").rate_usd_per_gpu_h.value == 1.0


def test_a_price_of_another_region_is_not_used():
    card = write_card(price(region="us"))
    assert find_rate(card, gpu_id="h100-sxm", term="spot", region="eu") is None


def test_without_a_region_the_first_price_of_the_card_is_used():
    rate = find_rate(load_catalog().card("market-spot"), gpu_id="tpu-v5p", term="spot")
    assert (rate.region, rate.rate_usd_per_gpu_h.value) == ("us-east5", 2.415)


def test_an_empty_card_has_no_rate():
    assert find_rate(write_card(), gpu_id="h100-sxm", term="spot") is None


def test_the_same_price_twice_is_refused():
    message = broken(RateCard, {"name": "x", "as_of": "2026-05", "currency": "usd", "rates": [price(), price(usd=3.0)]})
    assert message == "rates.1 prices h100-sxm spot a second time"


def test_prices_of_two_regions_are_no_duplicates():
    assert len(write_card(price(), price(region="us"), price(region="eu")).rates) == 3


@pytest.mark.parametrize("date", ["2026", "2026-13", "2026-00", "2026-05-32", "8 May 2026", "2026-5-8", "26-05-08"])
def test_a_price_is_dated_by_month_or_day(date):
    with pytest.raises(ValidationError):
        Rate.model_validate(price(as_of=date))


def test_only_dollars_are_spoken():
    with pytest.raises(ValidationError):
        write_card(currency="eur")


def test_a_card_is_of_one_kind():
    assert write_card().kind == "rent"
    assert write_card(kind="owning-cost").kind == "owning-cost"
    with pytest.raises(ValidationError):
        write_card(kind="both")


def test_a_price_may_not_be_negative():
    with pytest.raises(ValidationError):
        Rate.model_validate(price(usd=-0.01))


# Definitions


def test_a_gpu_needs_a_title_and_one_peak_and_nothing_else():
    gpu = GpuType.model_validate({"title": "Mine", "peak_tflop_per_s": {"bf16": 100}})
    assert gpu.family == "other"
    assert gpu.link_kind == "switched"
    assert gpu.sparsity_factor == gpu.best_matmul_tflop_per_s == gpu.measured == {}
    assert gpu.server_power_w is None


def test_a_gpu_without_a_peak_is_refused():
    assert "at least one precision" in broken(GpuType, {"title": "Mine", "peak_tflop_per_s": {}})


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValidationError):
        GpuType.model_validate({"title": "Mine", "peak_tflop_per_s": {"fp32": 1}})


@pytest.mark.parametrize("more", [{"link_kind": "torus"}, {"torus_dimension_count": 3}])
def test_a_torus_and_its_dimensions_go_together(more):
    assert "torus_dimension_count" in broken(GpuType, {"title": "Mine", "peak_tflop_per_s": {"bf16": 1}} | more)


@pytest.mark.parametrize("numbers", [{}, {"train_gpu_min": 1, "rate_tokens_per_s_per_gpu": 1}])
def test_a_measured_row_has_exactly_one_number(numbers):
    assert "needs either" in broken(MeasuredRow, {"round": "v5.0"} | numbers)


def test_definitions_are_frozen():
    with pytest.raises(ValidationError):
        load_catalog().gpus["h100-sxm"].family = "other"


def test_heads_must_share_keys_evenly():
    assert ModelDims.model_validate(DIMS).kv_head_count == 2
    assert "must divide" in broken(ModelDims, DIMS | {"kv_head_count": 3})


@pytest.mark.parametrize("key", ["layer_count", "hidden_dim", "head_count"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "8", True])
def test_dimensions_are_whole_and_positive(key, value):
    with pytest.raises(ValidationError):
        ModelDims.model_validate(DIMS | {key: value})


@pytest.mark.parametrize("date", ["2024", "2024-02", "2024-02-29"])
def test_a_source_is_dated_as_finely_as_is_known(date):
    assert Source.model_validate({"title": "x", "date": date, "kind": "paper"}).date == date


@pytest.mark.parametrize("change", [{"date": "May 2026"}, {"kind": "rumour"}, {"title": ""}, {"isbn": "x"}])
def test_a_source_without_date_kind_or_title_is_refused(change):
    with pytest.raises(ValidationError):
        Source.model_validate({"title": "x", "date": "2024", "kind": "paper"} | change)


def test_a_default_is_a_number_or_a_word():
    assert Default.model_validate({"value": 2, "source": "x"}).value == 2.0
    assert Default.model_validate({"value": "auto", "source": "x"}).value == "auto"


@pytest.mark.parametrize("band", [{"low": 3}, {"high": 1}])
def test_a_default_lies_in_its_band(band):
    assert "outside its band" in broken(Default, {"value": 2, "source": "x"} | band)
