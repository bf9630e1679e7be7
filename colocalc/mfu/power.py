"""How much throughput a site with too little power leaves.

Only the GPUs can be capped: hosts, switches and fans draw what they draw. Nameplate watts are well above what training
draws, so every result depends on which watts are meant, and the share drawn is an input.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array


def it_power_w(*, facility_power_w: ArrayLike, pue_factor: ArrayLike) -> Array:
    """Power left for IT equipment after cooling and conversion.

    Parameters
    ----------
    facility_power_w : array_like (...)
        Power the site may draw.
    pue_factor : array_like (...)
        Power usage effectiveness, 1 or more.

    Returns
    -------
    ndarray (...)
        Power of IT equipment [w].

    Notes
    -----
    ``P / PUE``

    - A PUE of 1: all of the facility's power.

    References
    ----------
    ISO/IEC 30134-2 (power usage effectiveness).
    """
    return as_array(facility_power_w) / as_array(pue_factor)


def nameplate_power_w(*, gpu_count: ArrayLike, server_power_w: ArrayLike) -> Array:
    """Power of all servers at their stated maximum.

    Sums over pools: the pool axis is dropped.

    Parameters
    ----------
    gpu_count : array_like (..., pool)
        GPUs.
    server_power_w : array_like (..., pool)
        Server maximum per GPU, with its share of host, switches and fans.

    Returns
    -------
    ndarray (...)
        Power of IT equipment [w].

    Notes
    -----
    ``sum(n_i W_i)``

    - No GPUs: 0.

    References
    ----------
    NVIDIA DGX H100 user guide (10.2 kW for 8 GPUs) for what nameplate means.
    """
    power: Array = np.sum(as_array(gpu_count) * as_array(server_power_w), axis=-1)
    return power


def gpu_power_share(
    *,
    it_power_w: ArrayLike,
    gpu_count: ArrayLike,
    gpu_power_w: ArrayLike,
    host_power_w: ArrayLike,
    draw_share: ArrayLike,
) -> Array:
    """Share of the power its GPUs would draw that a site can feed them.

    The hosts are served first and the GPUs share what is left. Above 1 the site has power to spare. Sums over pools:
    the pool axis is dropped.

    Parameters
    ----------
    it_power_w : array_like (...)
        Power of the site for IT equipment.
    gpu_count : array_like (..., pool)
        GPUs.
    gpu_power_w : array_like (..., pool)
        Nameplate power of a GPU.
    host_power_w : array_like (..., pool)
        Nameplate power per GPU of everything else in the server.
    draw_share : array_like (..., pool)
        Power drawn over nameplate: 1 for nameplate, about 0.7 for typical training.

    Returns
    -------
    ndarray (...)
        Power available to the GPUs over what they would draw [share].

    Notes
    -----
    ``(P - sum(n_i d_i W_host,i)) / sum(n_i d_i W_gpu,i)``, not below 0

    - Just enough power for all: 1.
    - Not even enough for the hosts: 0.
    - No GPUs: infinite, nothing is limited.

    References
    ----------
    Conservation of power; the split of a DGX H100 is 700 W of GPU and 575 W of host per GPU.
    """
    drawn = as_array(gpu_count) * as_array(draw_share)
    hosts: Array = np.sum(drawn * as_array(host_power_w), axis=-1)
    gpus: Array = np.sum(drawn * as_array(gpu_power_w), axis=-1)
    left = np.maximum(as_array(it_power_w) - hosts, 0.0)
    return np.where(gpus == 0.0, np.inf, left / np.where(gpus == 0.0, 1.0, gpus))


def power_factor(*, gpu_power_share: ArrayLike, power_exponent_factor: ArrayLike) -> Array:
    """Throughput of GPUs held below the power they would draw.

    Clocks fall more slowly than power, so throughput follows a power below one of it. Power to spare changes nothing.

    Parameters
    ----------
    gpu_power_share : array_like (...)
        Power available to the GPUs over what they would draw.
    power_exponent_factor : array_like (...)
        Exponent: 0.6 to 0.8 for compute-bound work, 0.2 to 0.4 for bandwidth-bound.

    Returns
    -------
    ndarray (...)
        Throughput over that without a limit [factor].

    Notes
    -----
    ``min(1, share)^gamma``

    - Enough power or more: 1.
    - No power: 0 for an exponent above 0.
    - An exponent of 0: 1.

    References
    ----------
    A calibrated power law; the range covers published power sweeps of H100 and GB200.
    """
    share = np.minimum(as_array(gpu_power_share), 1.0)
    return share ** as_array(power_exponent_factor)


def smoothing_energy_share(
    *, waiting_share: ArrayLike, waiting_power_share: ArrayLike, floor_share: ArrayLike
) -> Array:
    """Extra energy of GPUs that do not draw less than a floor while they wait.

    Collectives, pipeline bubbles and barriers let the power of a whole site fall several times a second. A floor under
    the draw of each GPU keeps it up, and burns what it holds up.

    Parameters
    ----------
    waiting_share : array_like (...)
        Part of a step in which GPUs wait [0..1].
    waiting_power_share : array_like (...)
        Their draw in it without a floor, over that at work [0..1].
    floor_share : array_like (...)
        The floor, over the draw at work [0..1].

    Returns
    -------
    ndarray (...)
        Extra energy over that without a floor [share].

    Notes
    -----
    ``w max(0, floor - p) / (1 - w + w p)``

    - no waiting, or a floor below what is drawn anyway: 0
    - 15% of a step at 40% of the power and a floor of 80%: 6.6%

    References
    ----------
    Choukse et al. 2025 (Power Stabilization for AI Training Datacenters); conservation of energy.
    """
    waits, low = as_array(waiting_share), as_array(waiting_power_share)
    return waits * np.maximum(as_array(floor_share) - low, 0.0) / (1.0 - waits + waits * low)
