"""How long do the stages of a pipeline wait for each other?

Sources: Huang et al. 2019 (GPipe), Narayanan et al. 2021 (interleaved 1F1B), Qi et al. 2023 (zero bubble), Llama 3.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array


def bubble_share(
    *, pp_count: ArrayLike, vpp_count: ArrayLike, micro_batch_count: ArrayLike, schedule_factor: ArrayLike
) -> Array:
    """Idle time of a pipeline, over the ideal time of the step.

    The first micro-batch has to reach the last stage before that one works, and the last one has to come back.
    Interleaving cuts a stage into ``vpp_count`` chunks, and the wait with it. Equal stages and micro-batches are
    assumed.

    Parameters
    ----------
    pp_count : array_like (..., pool)
        Pipeline stages, at least 1 [1].
    vpp_count : array_like (..., pool)
        Virtual stages per stage, at least 1 [1].
    micro_batch_count : array_like (..., pool)
        Micro-batches per replica and step, at least 1 [1].
    schedule_factor : array_like (..., pool)
        1 for GPipe, 1F1B and interleaved 1F1B, about 1/3 for ZB-H1, 0 for a schedule without a bubble [factor].

    Returns
    -------
    ndarray (..., pool)
        Idle over ideal time; may exceed 1 [share].

    Notes
    -----
    ``k (p - 1) / (v m)``

    - one stage: 0
    - GPipe with as many micro-batches as stages: (p - 1) / p
    - micro-batches without bound, or a schedule factor of 0: 0

    References
    ----------
    Narayanan et al. 2021, section 2.2; Llama 3 (Grattafiori et al. 2024), section 3.3.2; Qi et al. 2023, table 1.
    """
    chunks = as_array(vpp_count) * as_array(micro_batch_count)
    return as_array(schedule_factor) * (as_array(pp_count) - 1.0) / chunks


def stage_imbalance_factor(*, pp_count: ArrayLike, stage_imbalance_share: ArrayLike) -> Array:
    """Slowdown by the slowest stage of a pipeline.

    Embedding, LM head and loss make the outer stages heavier; every stage then waits for the heaviest.

    Parameters
    ----------
    pp_count : array_like (..., pool)
        Pipeline stages, at least 1 [1].
    stage_imbalance_share : array_like (..., pool)
        Time of the slowest stage over the mean, less one [share].

    Returns
    -------
    ndarray (..., pool)
        Time before over time after [factor of at most 1].

    Notes
    -----
    ``1 / (1 + delta)`` where there is more than one stage

    - one stage: 1 whatever the imbalance
    - no imbalance: 1

    References
    ----------
    Llama 3 (Grattafiori et al. 2024), section 3.3.2, which drops a layer from the first and the last stage.
    """
    slowed = 1.0 / (1.0 + as_array(stage_imbalance_share))
    return np.where(as_array(pp_count) > 1.0, slowed, 1.0)
