"""How long is a step when the stages and replicas of a pipeline stand on different hardware?

The times of one block are measured on each kind of hardware, so nothing of a chip has to be known. Sources: Sailor
(Strati et al. 2025), whose runtime_simulator.py @cf2c8e3 adds up stages in this way; Narayanan et al. 2021 (1F1B).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.mfu.collective import wire_s


def slowest_replica_s(*, layer_s: ArrayLike, layer_count: ArrayLike, outer_s: ArrayLike) -> Array:
    """Time of each stage, which is that of its slowest replica.

    Every replica gets as many micro-batches, and all have to be done before gradients are exchanged. Serves for the
    passes of a micro-batch and for the optimizer alike. The replica axis is dropped.

    Parameters
    ----------
    layer_s : array_like (..., stage, replica)
        One layer on the hardware of each replica [s].
    layer_count : array_like (..., stage)
        Layers of each stage [1].
    outer_s : array_like (..., stage, replica)
        What a stage has besides: the embedding on the first, the LM head on the last [s].

    Returns
    -------
    ndarray (..., stage)
        Time [s].

    Notes
    -----
    ``max over replicas of (l_i t_ij + o_ij)``

    - replicas alike: the time of any of them
    - a replica of times 0, which stands for none: changes nothing
    - no layers: what the stage has besides

    References
    ----------
    Sailor (Strati et al. 2025), runtime_simulator.py @cf2c8e3, ``get_time_per_pipeline``.
    """
    each = as_array(layer_count)[..., None] * as_array(layer_s) + as_array(outer_s)
    slowest: Array = np.max(each, axis=-1)
    return slowest


def exchange_s(
    *, rank_count: ArrayLike, gradient_byte: ArrayLike, link_byte_per_s: ArrayLike, measured_s: ArrayLike
) -> Array:
    """Time in which data-parallel ranks exchange gradients: as measured, else of a ring.

    Parameters
    ----------
    rank_count : array_like (...)
        Data-parallel ranks, at least 1 [1].
    gradient_byte : array_like (...)
        Gradients of one rank on the stage that has most [bytes].
    link_byte_per_s : array_like (...)
        Rate of one rank; NaN where it is not known [bytes/s].
    measured_s : array_like (...)
        Measured time; NaN where there is none [s].

    Returns
    -------
    ndarray (...)
        Time [s].

    Notes
    -----
    ``2 (n - 1)/n S / B``

    - measured: that, whatever the rest
    - one rank: 0
    - a link of infinite rate: 0
    - neither measured nor a known rate, and more than one rank: NaN

    References
    ----------
    Patarasuk and Yuan 2009.
    """
    ranks, measured = as_array(rank_count), as_array(measured_s)
    ring = 2.0 * wire_s(rank_count=ranks, message_byte=gradient_byte, link_byte_per_s=link_byte_per_s)
    return np.where(np.isnan(measured), np.where(ranks > 1.0, ring, 0.0), measured)


def link_rate_byte_per_s(
    *, link_byte_per_s: ArrayLike, rank_count: ArrayLike, gradient_byte: ArrayLike, exchange_s: ArrayLike
) -> Array:
    """Rate at which a rank reaches its neighbours: as told, else the one its gradient exchange went at.

    Parameters
    ----------
    link_byte_per_s : array_like (...)
        Rate of one rank; NaN where it is not known [bytes/s].
    rank_count, gradient_byte : array_like (...)
        As in ``exchange_s``.
    exchange_s : array_like (...)
        Time of the gradient exchange [s].

    Returns
    -------
    ndarray (...)
        Rate [bytes/s].

    Notes
    -----
    ``2 (n - 1)/n S / T``

    - a known rate: that
    - an exchange that took no time: infinite
    - no known rate, and one rank: NaN, since no exchange tells it

    References
    ----------
    A ring moves ``2 (n - 1)/n`` of the message over every link (Patarasuk and Yuan 2009).
    """
    link, taken = as_array(link_byte_per_s), as_array(exchange_s)
    moved = 2.0 * wire_s(rank_count=rank_count, message_byte=gradient_byte, link_byte_per_s=1.0)
    reached = np.where(taken > 0.0, moved / np.where(taken > 0.0, taken, 1.0), np.inf)
    return np.where(np.isnan(link), np.where(moved > 0.0, reached, np.nan), link)


def mixed_step_s(
    *,
    stage_s: ArrayLike,
    micro_batch_count: ArrayLike,
    send_s: ArrayLike,
    update_s: ArrayLike,
    exchange_s: ArrayLike,
) -> Array:
    """Time of a step of a 1F1B pipeline of unequal stages.

    The first micro-batch goes down and up through all stages. Each further one comes after the slowest stage, or, where
    that is longer, after the time in which a stage gets back one of the ``p`` micro-batches it may have under way.
    Sends run beside compute. The stage axis is dropped.

    Parameters
    ----------
    stage_s : array_like (..., stage)
        A micro-batch on each stage, forward and backward [s].
    micro_batch_count : array_like (...)
        Micro-batches per replica and step, at least 1 [1].
    send_s : array_like (...)
        One send between two neighbours, one way [s].
    update_s : array_like (...)
        The optimizer on the slowest stage [s].
    exchange_s : array_like (...)
        Exchanges of gradients, not hidden [s].

    Returns
    -------
    ndarray (...)
        Time [s].

    Notes
    -----
    ``(m - 1) max(max_i t_i, R/p) + R + u + x`` with ``R = sum_i t_i + 2 (p - 1) s``

    - one stage: ``m t + u + x``
    - equal stages and no sends: ``(m + p - 1) t + u + x``
    - one micro-batch: ``R + u + x``
    - sends that take longer than all else: ``(m - 1 + p) R/p + u + x``

    References
    ----------
    Sailor (Strati et al. 2025), runtime_simulator.py @cf2c8e3, ``get_time_per_pipeline``; Narayanan et al. 2021.
    """
    stages = as_array(stage_s)
    depth = float(stages.shape[-1])
    around: Array = np.sum(stages, axis=-1) + 2.0 * (depth - 1.0) * as_array(send_s)
    slowest: Array = np.max(stages, axis=-1)
    period = np.maximum(slowest, around / depth)
    return (as_array(micro_batch_count) - 1.0) * period + around + as_array(update_s) + as_array(exchange_s)
