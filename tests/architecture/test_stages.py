"""The places a stage of the waterfall stands in: each that lacks a new one is named, before a report fails on it."""

from pathlib import Path

import pytest

import colocalc
from colocalc.metrics import STAGES
from colocalc.mfu.step import STEP_STAGES

ROOT = Path(colocalc.__file__).parent
# Where, how often at least, and what for.
PLACES = {
    "mfu": (1, "its factor: STEP_STAGES and evaluate_step of mfu/step.py, or a pace of mfu/pace.py"),
    "metrics.py": (2, "its meaning in STAGES, and its equation with references in _STAGE_EQUATIONS"),
    "report/views/stages.py": (1, "what the waterfall says of it"),
    "study/explain": (1, "its formula with numbers: _WRITERS of study/explain/stages.py"),
}


@pytest.mark.parametrize("place", PLACES)
def test_every_stage_stands_in_each_place_it_needs(place):
    least, what_for = PLACES[place]
    files = [ROOT / place] if place.endswith(".py") else sorted((ROOT / place).glob("*.py"))
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    missing = [stage for stage in dict.fromkeys((*STAGES, *STEP_STAGES)) if text.count(f'"{stage}"') < least]
    assert not missing, f"colocalc/{place} lacks {', '.join(missing)}: {what_for}"


def test_the_stages_of_a_step_are_those_reported_in_their_order():
    assert (*STEP_STAGES, "goodput", "allocation") == tuple(STAGES)
