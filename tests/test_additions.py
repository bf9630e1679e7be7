import pytest

from colocalc.additions import clashes, with_additions
from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError
from colocalc.fleet import Fleet

OWN = {
    "gpus": {"mine": {"title": "Mine", "aliases": ["My GPU"], "peak_tflop_per_s": {"bf16": 100}}},
    "models": {
        "tiny-1.5": {
            "layer_count": 2,
            "hidden_dim": 8,
            "mlp_dim": 8,
            "gated_mlp": True,
            "head_count": 4,
            "kv_head_count": 2,
            "head_dim": 2,
            "vocabulary_count": 9,
        }
    },
    "cards": {
        "own": {
            "as_of": "2026-05",
            "currency": "usd",
            "rates": [
                {"gpu": "H100", "term": "spot", "rate_usd_per_gpu_h": 2},
                {"gpu": "My GPU", "term": "spot", "rate_usd_per_gpu_h": 1},
                {"gpu": "unheard of", "term": "spot", "rate_usd_per_gpu_h": 3},
            ],
        }
    },
    "sources": {"note": {"title": "A note", "date": "2026-05"}},
}


def fleet(**own):
    return Fleet.model_validate({"name": "x", "pools": [{"gpu": "h100-sxm", "count": 8}], **own})


@pytest.fixture(scope="module")
def catalog():
    return with_additions(load_catalog(), fleet(**OWN), {})


def test_a_fleet_without_entries_of_its_own_uses_the_catalog_that_ships():
    assert with_additions(load_catalog(), fleet(), {}) is load_catalog()


def test_own_entries_carry_their_keys_as_names(catalog):
    assert catalog.gpus["mine"].id == "mine"
    assert catalog.models["tiny-1.5"].name == "tiny-1.5"
    assert catalog.card("own").name == "own"
    assert catalog.sources["note"].id == "note"


def test_own_entries_are_found_as_those_that_ship_are(catalog):
    assert catalog.gpu("mine").exact
    assert catalog.model("tiny-1.5").layer_count == 2
    assert "own" in catalog.card_names()
    assert {"mine", "My GPU"} <= set(catalog.gpu_names())


@pytest.mark.parametrize("name", ["mine", "MINE", "My GPU", "my gpu"])
def test_an_own_gpu_is_resolved_by_id_and_alias_in_any_case(catalog, name):
    assert catalog.resolve_gpu(name) == "mine"


def test_a_source_without_a_date_is_shown_as_undated():
    found = with_additions(load_catalog(), fleet(sources={"s": {"title": "S", "note": "n"}}), {}).sources["s"]
    assert (found.title, found.date, found.kind, found.note) == ("S", "undated", "own", "n")


def test_what_ships_stays_in_reach(catalog):
    ships = load_catalog()
    assert catalog.resolve_gpu("H100") == "h100-sxm"
    assert set(ships.gpus) < set(catalog.gpus)
    assert set(ships.card_names()) < set(catalog.card_names())
    assert catalog.card("market-3yr") == ships.card("market-3yr")
    assert catalog.default("sites.pue_factor") == ships.default("sites.pue_factor")
    assert set(catalog.networks) == set(ships.networks)


def test_the_catalog_that_ships_is_left_as_it_was(catalog):
    assert load_catalog().resolve_gpu("mine") is None
    assert "tiny-1.5" not in load_catalog().models
    assert "note" not in load_catalog().sources


def test_an_unknown_name_is_refused_with_a_hint_from_both(catalog):
    with pytest.raises(ColocalcError) as caught:
        catalog.gpu("mne")
    assert caught.value.hint == "did you mean mine?"


def test_the_rates_of_an_own_card_name_gpus_by_id(catalog):
    assert [rate.gpu for rate in catalog.card("own").rates] == ["h100-sxm", "mine", "unheard of"]


def test_entries_with_new_names_do_not_clash():
    assert clashes(load_catalog(), fleet(**OWN)) == []


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("gpus", "h100-sxm"),
        ("gpus", "H100"),
        ("gpus", "H100_SXM"),
        ("models", "llama-3.1-70b"),
        ("cards", "market-3yr"),
        ("sources", "mirae-2026-05"),
    ],
)
def test_an_entry_named_as_one_that_ships_clashes(kind, name):
    ((path, message),) = clashes(load_catalog(), fleet(**{kind: {name: next(iter(OWN[kind].values()))}}))
    assert path == (kind, name)
    assert message.startswith(f'the catalog has "{name}" already')


def test_an_own_alias_of_a_gpu_that_ships_clashes():
    own = {"mine": OWN["gpus"]["mine"] | {"aliases": ["H200"]}}
    ((path, message),) = clashes(load_catalog(), fleet(gpus=own))
    assert path == ("gpus", "mine")
    assert message == 'the catalog has "H200" already for h200-sxm; give yours another name, or replace: true'


def test_all_clashes_are_told_at_once():
    own = {"models": {"llama-3.1-70b": OWN["models"]["tiny-1.5"]}, "sources": {"mirae-2026-05": {"title": "Mine"}}}
    assert [path for path, _ in clashes(load_catalog(), fleet(**own))] == [
        ("models", "llama-3.1-70b"),
        ("sources", "mirae-2026-05"),
    ]


def test_an_entry_that_says_so_takes_the_place_of_the_one_that_ships():
    own = {"h100-sxm": {"title": "Ours, at 600 W", "peak_tflop_per_s": {"bf16": 900}, "replace": True}}
    found = fleet(gpus=own)

    assert clashes(load_catalog(), found) == []
    extended = with_additions(load_catalog(), found, {})
    assert extended.gpu("h100-sxm").gpu.peak_tflop_per_s["bf16"].value == 900
    assert extended.gpu("H200").gpu.id == "h200-sxm"


def test_an_entry_replaces_the_one_of_its_own_name_only():
    own = {"h100": {"title": "An alias of another", "peak_tflop_per_s": {"bf16": 900}, "replace": True}}

    assert [path for path, _ in clashes(load_catalog(), fleet(gpus=own))] == [("gpus", "h100")]
