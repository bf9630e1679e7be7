"""Layer profiles that ship: whole, sourced, and of times that can be true."""

import pytest

from colocalc.catalog import load_catalog

CATALOG = load_catalog()


def test_every_profile_is_there_with_its_source():
    assert {name: len(each.rows) for name, each in CATALOG.profiles.items()} == {
        "OPT-350": 129,
        "GPT-Neo-2.7": 56,
        "OPT-30": 17,
        "LLAMA-3-8": 11,
    }
    assert {each.source for each in CATALOG.profiles.values()} <= set(CATALOG.sources)


@pytest.mark.parametrize("name", list(CATALOG.profiles))
def test_a_backward_pass_takes_one_to_four_forward_ones(name):
    assert all(0.8 < row.backward_s / row.forward_s < 4.0 for row in CATALOG.profiles[name].rows)


@pytest.mark.parametrize("name", list(CATALOG.profiles))
def test_a_larger_micro_batch_takes_longer(name):
    rows = CATALOG.profiles[name].rows
    times = {(row.gpu, row.tp, row.micro_batch): row.forward_s + row.backward_s for row in rows}
    twice = [
        (times[at], times[gpu, tp, 2 * size]) for at in times if (*at[:2], 2 * at[2]) in times for gpu, tp, size in [at]
    ]
    assert twice
    assert all(less < 1.02 * more for less, more in twice)
