"""Progress: told where somebody looks, once it takes a while, and gone when the work is done."""

import pytest

from colocalc import progress as module
from colocalc.progress import Progress


class Screen:
    """Standard error that is a terminal, or is none."""

    def __init__(self, *, watched):
        self.watched = watched
        self.written = []

    def isatty(self):
        return self.watched

    def write(self, text):
        self.written.append(text)


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def told(monkeypatch, clock, *, watched, seconds):
    screen = Screen(watched=watched)
    monkeypatch.setattr(module.sys, "stderr", screen)
    with Progress(1_000, "trials") as progress:
        clock[0] += seconds
        progress.advance(250)
    return screen.written


def test_rate_and_time_left_are_told_and_taken_away(monkeypatch, clock):
    line, gone = told(monkeypatch, clock, watched=True, seconds=5.0)
    assert line == "\r250 of 1,000 trials, 50 a second, 15 s left"
    assert gone == f"\r{' ' * (len(line) - 1)}\r"


@pytest.mark.parametrize(("watched", "seconds"), [(False, 5.0), (True, 0.5)])
def test_nothing_is_told_to_nobody_or_of_what_is_quick(monkeypatch, clock, watched, seconds):
    assert told(monkeypatch, clock, watched=watched, seconds=seconds) == []
