"""Whole fleet files made up by hypothesis: sound ones never fail, broken ones are always refused with their place.

A few dozen here; ``COLOCALC_FUZZ_EXAMPLES=2000`` looks at more.
"""

import json
import os
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colocalc.case import lower
from colocalc.catalog import load_catalog
from colocalc.errors import EXIT_INPUT, ColocalcError
from colocalc.loading import load_fleet
from colocalc.study.evaluate import evaluate
from tests.fuzz.fleets import broken, by_schema, sound, text_of

MANY = int(os.environ.get("COLOCALC_FUZZ_EXAMPLES", "0"))
PLACE = re.compile(r"<stdin>:\d+:\d+: .+|\.\.\. and \d+ more")
LONGEST = 8_000


def examples(count):
    """So many examples, always the same; more and other ones where they are asked for."""
    slow = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    # An example depends on nothing but itself, so one run of the command line may serve them all.
    return settings(max_examples=MANY or count, derandomize=not MANY, deadline=None, suppress_health_check=slow)


def is_sound(fleet, run):
    """Whether a sound fleet is taken; a job may be too large for its pools, which is said and no fault of the file."""
    return run.code == 0 or ("training" in fleet and run.err.startswith("training: ") and run.code == EXIT_INPUT)


def refused_in_words(text):
    lines = text.splitlines()
    assert lines
    assert all(PLACE.fullmatch(line) for line in lines)
    assert all(line.isprintable() for line in lines)
    assert len(text) < LONGEST


@examples(12)
@given(fleet=sound(), form=st.sampled_from(["table", "json", "csv", "markdown", "html"]))
def test_a_sound_fleet_is_reported_whatever_it_holds(colocalc, fleet, form):
    run = colocalc("report", "-", "--format", form, stdin=text_of(fleet).encode())
    assert is_sound(fleet, run), run.err
    assert bool(run.out) == (run.code == 0)


@examples(24)
@given(fleet=sound(), command=st.sampled_from(["mfu", "lease", "hedge", "h100e", "check", "train-or-lease"]))
def test_a_sound_fleet_as_json_is_taken_by_every_command(colocalc, fleet, command):
    run = colocalc(command, "-", "--format", "json", stdin=json.dumps(fleet).encode())
    # ``check`` exits 1 where an expectation of the file does not hold.
    assert is_sound(fleet, run) or (command, run.code) == ("check", 1), run.err


@examples(60)
@given(text=broken())
def test_a_broken_fleet_is_refused_with_its_place(colocalc, text):
    run = colocalc("check", "-", stdin=text.encode())
    assert (run.code, run.out) == (EXIT_INPUT, "")
    refused_in_words(run.err)


@examples(100)
@given(tree=by_schema())
def test_what_the_schema_takes_is_a_fleet_or_refused_in_words(tree):
    catalog = load_catalog()
    loaded, told = None, ""
    try:
        loaded = load_fleet("-", catalog=catalog, stdin=text_of(tree).encode())
        evaluate(lower(loaded.fleet, loaded.catalog))
    except ColocalcError as error:
        told = str(error)
    if loaded is None:
        refused_in_words(told)
    assert all(line.isprintable() for line in told.splitlines())
