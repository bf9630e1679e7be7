"""Every rate at which cash flows are worth nothing.

With x = log(1 + r) the present value of flows a at times t is ``sum(a exp(-x t))``. Rows that change sign once have one
root (Descartes), which Newton's method finds at once. Others are scanned on a grid of x on both sides of 0, each side
scaled by the exponential that keeps all terms at or below their flow, so that hundreds of months neither overflow near
r = -1 nor vanish at high rates. A change of sign is a bracket. An extremum towards 0 in between is looked up too: a
pair of roots that a grid steps over is found, and so is a root that only touches 0.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from colocalc.arrays import Array

Index = NDArray[np.intp]

GRID_POINTS = 128  # on each side of 0, a factor of 1.15 apart
NEAREST = 1e-3  # the first point times the time that the flows span; nearer than that the value is all but straight
FARTHEST = 700.0  # exp of this is the largest double there is
NOISE = 2e-15  # of the sum of sizes: what rounding leaves of a sum that is 0
TOUCH = 1e-14  # likewise, at an extremum
NEAR_ROOTS = 1e-2  # in x: what is farther apart is looked at no more
STEP = 1e-9
WIDTH = 1e-14
ITERATIONS = 100
QUICK_ITERATIONS = 12
BLOCK_ELEMENTS = 1 << 18  # rows are worked on in blocks that stay in the cache: faster, and a million rows fit


@dataclass(frozen=True, eq=False)
class _Side:
    """One half of the axis of x: the distance from 0 there, and what a term weighs at it."""

    flows: Array
    times: Array  # from the end that stays in sight: the first flow where x > 0, the last where x < 0
    distance: Array
    weights: Array  # of each time at each place of the grid

    def value(self, flows: Array, rows: Index | slice) -> Array:
        """Scaled present value of flows of some rows on the grid."""
        if len(self.times) == 1:
            grid: Array = flows @ self.weights[0]
            return grid
        each: Array = np.matmul(flows[:, None, :], self.weights[rows])
        return each[:, 0, :]

    def rows(self, rows: Index) -> tuple[Array, Array]:
        """Flows and times of some rows."""
        return self.flows[rows], self.times if len(self.times) == 1 else self.times[rows]

    def cell(self, rows: Index, cells: Index) -> tuple[Array, Array]:
        """The two ends of cells of the grid, one in each of some rows."""
        places = np.zeros_like(rows) if len(self.distance) == 1 else rows
        return self.distance[places, cells], self.distance[places, cells + 1]


def _side(flows: Array, times: Array) -> _Side:
    distance = _grid(np.max(times, axis=1, keepdims=True))
    return _Side(flows, times, distance, np.exp(-times[:, :, None] * distance[:, None, :]))


def real_roots(flows: Array, times: Array) -> tuple[Index, Array]:
    """Row and rate of every real root above -1, row by row and ascending.

    Parameters
    ----------
    flows : ndarray (row, flow)
        Cash flows; a row with one that is not finite has no root.
    times : ndarray (1, flow) or (row, flow)
        Time of each flow, in any order.

    Returns
    -------
    tuple of ndarray (root,)
        Row, and rate per unit of time.
    """
    if len(times) > 1:
        return _in_blocks(flows, times, own=True)
    # A first or last flow of 0 would be what the value is scaled by: those rows get times of their own.
    ended = (flows[:, 0] == 0.0) | (flows[:, -1] == 0.0)
    parts = [(np.flatnonzero(ended == own), own) for own in (False, True)]
    found = [(rows, *_in_blocks(flows[rows], times, own=own)) for rows, own in parts]
    rows = np.concatenate([whole[part] for whole, part, _ in found])
    order = np.argsort(rows, kind="stable")
    return rows[order], np.concatenate([rates for *_, rates in found])[order]


def _in_blocks(flows: Array, times: Array, *, own: bool) -> tuple[Index, Array]:
    width = flows.shape[1] * (GRID_POINTS if own else 1)
    size = max(1, BLOCK_ELEMENTS // max(width, 2 * GRID_POINTS + 1))
    parts = [(np.zeros(0, dtype=np.intp), np.zeros(0))]
    for start in range(0, len(flows), size):
        block = _scaled(flows[start : start + size])
        there = times if len(times) == 1 else times[start : start + size]
        rows, rates = _block_roots(*_in_order(block, there, own=own))
        parts.append((start + rows, rates))
    return np.concatenate([rows for rows, _ in parts]), np.concatenate([rates for _, rates in parts])


def _scaled(flows: Array) -> Array:
    """Each row over its largest flow, so that no sum overflows; nothing where one is not finite."""
    known = np.isfinite(flows).all(axis=1, keepdims=True)
    size = np.max(np.abs(np.where(known, flows, 0.0)), axis=1, keepdims=True, initial=0.0)
    return np.where(known, flows, 0.0) / np.where(size > 0.0, size, 1.0)


def _in_order(flows: Array, times: Array, *, own: bool) -> tuple[Array, Array]:
    """Flows by time, of rows whose times are known, and times from 0; own ones span the flows that are not 0."""
    known = np.isfinite(times).all(axis=1, keepdims=True)
    flows, times = np.where(known, flows, 0.0), np.where(known, times, 0.0)
    order = np.argsort(times, axis=1, kind="stable")
    times = np.take_along_axis(times, order, axis=1)
    flows = flows[:, order[0]] if len(times) == 1 else np.take_along_axis(flows, order, axis=1)
    if own:
        there, times = flows != 0.0, np.broadcast_to(times, flows.shape)
        first = np.min(times, axis=1, keepdims=True, where=there, initial=np.inf)
        last = np.max(times, axis=1, keepdims=True, where=there, initial=-np.inf)
        empty = ~there.any(axis=1, keepdims=True)
        times = np.clip(times, np.where(empty, 0.0, first), np.where(empty, 0.0, last))
    return flows, times - times[:, :1]


def _block_roots(flows: Array, times: Array) -> tuple[Index, Array]:
    changes = _sign_changes(flows)
    logs = np.full(len(flows), np.nan)
    one = np.flatnonzero(changes == 1)
    logs[one] = _quick(flows[one], times if len(times) == 1 else times[one])
    rest = np.flatnonzero((changes > 0) & np.isnan(logs))
    rows, found = _scan(flows[rest], times if len(times) == 1 else times[rest], changes[rest])
    quick = np.flatnonzero(~np.isnan(logs))
    return _ordered(np.concatenate([quick, rest[rows]]), np.concatenate([logs[quick], found]))


def _quick(flows: Array, times: Array) -> Array:
    """The root of rows that change sign once, as log(1 + r); NaN where it is not found at once.

    Newton's method on the log of inflows over outflows, which is monotone and all but straight in x.
    """
    parts = [np.maximum(flows, 0.0), np.maximum(-flows, 0.0)]
    moments = [part * times for part in parts]
    place, step = np.zeros(len(flows)), np.full(len(flows), np.inf)
    with np.errstate(all="ignore"):
        for _ in range(QUICK_ITERATIONS):
            # Divided by the weight of the last flow where x < 0, so that none is above 1.
            exponent = np.minimum(place, 0.0)[:, None] * times[:, -1:] - place[:, None] * times
            weights = np.exp(exponent)
            inflow, outflow = (_dot(part, weights) for part in parts)
            span = _dot(moments[0], weights) / inflow - _dot(moments[1], weights) / outflow
            step = np.log(inflow / outflow) / span
            place += step
            if np.all(np.abs(step) <= STEP * (1.0 + np.abs(place))):
                break
    found = (np.abs(step) <= STEP * (1.0 + np.abs(place))) & (np.abs(place) <= FARTHEST)
    return np.where(found, place, np.nan)


def _dot(one: Array, other: Array) -> Array:
    product: Array = np.einsum("ij,ij->i", one, other)
    return product


def _scan(flows: Array, times: Array, changes: Index) -> tuple[Index, Array]:
    """Row and log(1 + r) of every root, of rows that change sign so many times."""
    if not len(flows):
        return np.zeros(0, dtype=np.intp), np.zeros(0)
    after, before = _side(flows, times), _side(flows, times[:, -1:] - times)
    values = [side.value(flows, slice(None)) for side in (before, after)]
    signs = _signs(values, flows)
    # A row with as many roots as changes of sign has no more (Descartes); others are looked at closely.
    count = sum(np.count_nonzero(sign[:, 1:] != sign[:, :-1], axis=1) for sign in signs)
    many = np.flatnonzero(count < changes)
    if len(many):
        close = [_without_noise(value, side, many) for value, side in zip(values, (before, after), strict=True)]
        for sign, part in zip(signs, _signs(close, flows[many]), strict=True):
            sign[many] = part
    parts = [_crossings(side, sign) for side, sign in zip((before, after), signs, strict=True)]
    parts += [_between(side, many, sign[many]) for side, sign in zip((before, after), signs, strict=True)]
    rows = np.concatenate([found for found, _ in parts])
    logs = np.concatenate([-parts[0][1], parts[1][1], -parts[2][1], parts[3][1]])
    return _distinct((before, after), rows, logs)


def _distinct(sides: tuple[_Side, _Side], rows: Index, logs: Array) -> tuple[Index, Array]:
    """Roots by row and ascending, each once: those with nothing but rounding between them are one."""
    order = np.lexsort((logs, rows))
    rows, logs = rows[order], logs[order]
    pairs = np.flatnonzero((rows[1:] == rows[:-1]) & (np.diff(logs) < NEAR_ROOTS))
    middle = 0.5 * (logs[pairs] + logs[pairs + 1])
    (flows, before), (_, after) = (side.rows(rows[pairs]) for side in sides)
    terms = flows * np.exp(-np.abs(middle)[:, None] * np.where(middle[:, None] < 0.0, before, after))
    twice = np.abs(np.sum(terms, axis=1)) <= TOUCH * np.sum(np.abs(terms), axis=1)
    kept = np.ones(len(rows), dtype=bool)
    kept[pairs[twice] + 1] = False
    return rows[kept], logs[kept]


def _grid(span: Array) -> Array:
    """0 and geometrically spaced distances from it, for each row of times."""
    nearest = NEAREST / np.where(span > 0.0, span, 1.0)
    steps = np.linspace(0.0, 1.0, GRID_POINTS)
    grid = nearest * (FARTHEST / nearest) ** steps
    return np.concatenate([np.zeros_like(nearest), grid], axis=1)


def _sign_changes(flows: Array) -> Index:
    """Changes of sign along each row: no row has more roots (Descartes), and one with one change has one."""
    signs = _carried(np.sign(flows))
    changes: Index = np.count_nonzero(signs[:, 1:] * signs[:, :-1] < 0.0, axis=1)
    return changes


def _carried(signs: Array) -> Array:
    """Signs with each 0 replaced by what stands before it."""
    if signs.all():  # nothing to carry
        return signs
    places = np.where(signs != 0.0, np.arange(signs.shape[1]), 0)
    return np.take_along_axis(signs, np.maximum.accumulate(places, axis=1), axis=1)


def _without_noise(value: Array, side: _Side, rows: Index) -> Array:
    """Values of some rows, 0 where they are only rounding, which changes sign at random near a multiple root."""
    size = side.value(np.abs(side.flows[rows]), rows)
    return np.where(np.abs(value[rows]) <= NOISE * size, 0.0, value[rows])


def _signs(values: list[Array], flows: Array) -> tuple[Array, Array]:
    """Signs on both sides, from 0 outwards, with none that is 0 where flows are not all 0.

    Far from 0 a value whose last flows are 0 vanishes; its sign there is that of the last flow that is not.
    """
    before, after = values
    last = _carried(np.sign(flows))[:, -1:]
    far = np.where(before[:, -1:] != 0.0, np.sign(before[:, -1:]), last)
    signs = _carried(np.concatenate([far, np.sign(before[:, -2::-1]), np.sign(after[:, 1:])], axis=1))
    middle = before.shape[1] - 1
    return signs[:, middle::-1], signs[:, middle:]


def _crossings(side: _Side, signs: Array) -> tuple[Index, Array]:
    """Roots between grid points of different sign."""
    rows, cells = np.nonzero(signs[:, 1:] != signs[:, :-1])
    return rows, _solved(*side.rows(rows), *side.cell(rows, cells), signs[rows, cells])


def _between(side: _Side, several: Index, signs: Array) -> tuple[Index, Array]:
    """Roots between grid points of the same sign: a pair, or one that touches 0, about an extremum towards 0."""
    flows, times = side.rows(several)
    slope = -side.value(flows * times, several)
    towards = (signs[:, :-1] * slope[:, :-1] <= 0.0) & (signs[:, 1:] * slope[:, 1:] > 0.0)
    places, cells = np.nonzero(towards & (signs[:, :-1] == signs[:, 1:]))
    rows, sign = several[places], signs[places, cells]
    (flows, times), (low, high) = side.rows(rows), side.cell(rows, cells)
    # The slope is -sum(a t exp(-y t)): at the low end the sign of the sum is that of the value.
    lowest = _solved(flows * times, times, low, high, sign)
    terms = flows * np.exp(-lowest[:, None] * times)
    value, noise = np.sum(terms, axis=1), TOUCH * np.sum(np.abs(terms), axis=1)
    touching, two = np.abs(value) <= noise, np.flatnonzero(sign * value < -noise)
    split = side.rows(rows[two])
    nearer = _solved(*split, low[two], lowest[two], sign[two])
    farther = _solved(*split, lowest[two], high[two], -sign[two])
    return np.concatenate([rows[touching], rows[two], rows[two]]), np.concatenate([lowest[touching], nearer, farther])


def _solved(flows: Array, times: Array, low: Array, high: Array, sign: Array) -> Array:
    """Newton's method inside a bracket, halved where a step leaves it or does not shrink.

    ``sign`` is that of the value at the low end, where it starts: a rate of exactly 0 is the end of a bracket.
    """
    moments = flows * times
    place, before, done = low, 2.0 * (high - low), np.zeros(len(low), dtype=bool)
    for _ in range(ITERATIONS):
        weights = np.exp(-place[:, None] * times)
        value, slope = _dot(flows, weights), -_dot(moments, weights)
        below = np.sign(value) == sign
        low, high = np.where(below, place, low), np.where(below, high, place)
        newton = place - value / np.where(slope == 0.0, np.nan, slope)
        fine = (newton >= low) & (newton <= high) & (np.abs(newton - place) <= 0.5 * before)
        fine |= value == 0.0
        after = np.where(fine, np.where(value == 0.0, place, newton), 0.5 * (low + high))
        before, place = np.where(done, before, np.abs(after - place)), np.where(done, place, after)
        # The error after a step of Newton's is about its square; what is halved has the width for an error.
        done |= np.where(fine, before <= STEP * (1.0 + place), high - low <= WIDTH * (1.0 + place))
        if done.all():
            break
    return place


def _ordered(rows: Index, logs: Array) -> tuple[Index, Array]:
    """Rates by row and ascending, without those that round to -1 or overflow."""
    order = np.lexsort((logs, rows))
    rates = np.expm1(np.minimum(logs[order], FARTHEST)) + 0.0  # never -0
    kept = rates > -1.0
    return rows[order][kept], rates[kept]
