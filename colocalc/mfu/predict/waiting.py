"""How long does a step wait for its slowest stage and its slowest node?

Sources: Llama 3 section 3.3.2 (uneven stages), MegaScale section 3 (slow hosts), David and Nagaraja 2003 (maxima).
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.mfu.predict.compute import HeadWork
from colocalc.mfu.predict.setup import Setup, meets_every_micro_batch
from colocalc.mfu.straggler import expected_max_normal

OUTER_LAYERS = 2.0  # embedding and LM head, each as a layer of a stage (Llama 3, section 3.3.2)

# Whole counts one by one, then about five to a factor of e: linear between them in the logarithm of the count, which
# is within 0.001 of the exact maximum.
_COUNTS: Array = np.concatenate([np.arange(1.0, 17.0), np.geomspace(18.0, 1e7, 68)])
_LOG_COUNTS: Array = np.log(_COUNTS)
_MAXIMA: Array = expected_max_normal(count=_COUNTS)


def interpolated_max_normal(*, count: ArrayLike) -> Array:
    """Expected maximum of independent standard normals, from a table.

    ``colocalc.mfu.straggler.expected_max_normal`` is the exact form; a search over plans needs the speed of a table.

    Parameters
    ----------
    count : array_like (...)
        Number of draws, 1 to 1e7.

    Returns
    -------
    ndarray (...)
        Expected maximum [standard deviations].

    Notes
    -----
    Linear in ``ln n`` between exact values

    - one draw: 0
    - a whole number up to 16: exact
    - any other: within 0.001 of the exact maximum

    References
    ----------
    David and Nagaraja 2003, section 3.1.
    """
    found: Array = np.interp(np.log(np.maximum(as_array(count), 1.0)), _LOG_COUNTS, _MAXIMA)
    return found


def slowest_stage_s(setup: Setup, head: HeadWork, layer_s: Array) -> Array:
    """Time of one micro-batch on the slowest stage, before sends.

    The slowest is the last stage, with the head, or one with a layer more than the mean. Where layers, embedding and
    head divide evenly by the stages, the last stage has a layer less.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).
    head : HeadWork
        LM head and loss, each field (...).
    layer_s : ndarray (...)
        One layer of a micro-batch, forward and backward, with what is run again and sent [s].

    Returns
    -------
    ndarray (...)
        Time [s].

    Notes
    -----
    ``max(most layer, last layer + head)``; if p divides L + 2: ``most = (L + 2)/p`` and ``last = most - 1``, else
    ``most = ceil(L/p)`` and ``last`` is what the others leave, at least one where most is more

    - 126 layers on 16 stages: 8 layers, and 7 with the head
    - a head without work: the stage with the most layers

    References
    ----------
    Llama 3 (Grattafiori et al. 2024), section 3.3.2.
    """
    layers, stages = setup.dimensions.layer_count, setup.plan.pp_count
    even = np.ceil((layers + OUTER_LAYERS) / stages)
    is_even = even * stages == layers + OUTER_LAYERS
    most = np.where(is_even, even, np.ceil(setup.part.stage_layer_count))
    left = np.clip(layers - most * (stages - 1.0), np.minimum(most - 1.0, 1.0), most)
    last = np.where(is_even, most - 1.0, left)
    return np.maximum(most * layer_s, last * layer_s + (head.linear_s + head.shape_s + head.loss_s))


def jitter_excess_share(setup: Setup) -> Array:
    """Excess of the slowest node's time over the mean.

    Transient delays average over the micro-batches between two barriers, persistent ones do not. TPU hosts are counted
    by slices. Without data parallelism there is no barrier between replicas.

    Parameters
    ----------
    setup : Setup
        The run, each field (...).

    Returns
    -------
    ndarray (...)
        Excess [share].

    Notes
    -----
    ``scale_loss_share (y + (1 - y)/sqrt(m)) E[max of n normals]``, with ``y = persistent_share``, m = 1 under FSDP, and
    times ``tuned_scale_factor`` in a tuned stack

    - one node, or one data and context rank: 0
    - micro-batches without bound: the persistent part is left

    References
    ----------
    Jiang et al. 2024 (MegaScale), section 3; David and Nagaraja 2003, section 3.1.
    """
    plan, chip, stack, constants = setup.plan, setup.chip, setup.stack, setup.constants
    has_barrier = plan.dp_count * plan.cp_count > 1.0
    nodes = np.where(has_barrier, plan.gpu_count / chip.node_gpu_count, 1.0)
    nodes = np.where(chip.tpu_share > 0.0, stack.slice_count, nodes)
    between = np.where(meets_every_micro_batch(plan=plan, stack=stack), 1.0, setup.part.micro_batch_count)
    scatter = constants.persistent_share + (1.0 - constants.persistent_share) / np.sqrt(between)
    tuned = 1.0 + stack.tuned_share * (constants.tuned_scale_factor - 1.0)
    return constants.scale_loss_share * scatter * tuned * interpolated_max_normal(count=nodes)
