"""What the checks of limits are written with."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.laws.test_broadcast import SAMPLES, _stated_shapes, _turned

# By kernel, by limit as its docstring begins it, what holds there.
Limits = dict[Callable[..., Any], dict[str, Callable[[], Any]]]

NAN = np.nan
INF = np.inf


def at(kernel: Callable[..., Any], **given: Any) -> Any:
    """The kernel at what is given; what is not given is a sample that is as good as any other."""
    shapes, _ = _stated_shapes(kernel)
    missing = {name: axes for name, axes in shapes.items() if name not in given}
    return kernel(**given, **{name: _turned(SAMPLES[name], 0, axes) for name, axes in missing.items()})


def near(found: Any, expected: Any, *, within: float = 1e-12, nothing: float = 0.0) -> None:
    """Equal but for rounding; ``nothing`` is what is as good as 0."""
    np.testing.assert_allclose(found, expected, rtol=within, atol=nothing)


def undefined(found: Any) -> None:
    """NaN throughout."""
    assert np.isnan(found).all(), found


def holds(fact: Any) -> None:
    """True throughout."""
    assert np.all(fact), fact
