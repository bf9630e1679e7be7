"""How much radiator a site needs that can shed heat in no other way.

In orbit there is no air and no water: a watt that goes in leaves as infrared light. Sunlight and the Earth's own light
warm the same surface, and stand here for surroundings of one temperature, the sink.
"""

import numpy as np
from numpy.typing import ArrayLike

from colocalc.arrays import Array, as_array
from colocalc.units import STEFAN_BOLTZMANN_W_PER_M2_K4


def radiator_temperature_k(*, chip_temperature_k: ArrayLike, chip_to_radiator_drop_k: ArrayLike) -> Array:
    """Temperature of the radiator behind chips of a given temperature.

    Parameters
    ----------
    chip_temperature_k : array_like (...)
        Temperature of the silicon.
    chip_to_radiator_drop_k : array_like (...)
        How much is lost on the way: package, cold plate, coolant and fin.

    Returns
    -------
    ndarray (...)
        Temperature of the radiating surface [k].

    Notes
    -----
    ``T_radiator = T_chip - drop``

    - No drop: the radiator is as hot as the chips.
    - A drop of all of it: 0 K, which radiates nothing.

    References
    ----------
    Heat flows down a difference in temperature; the drop is what a design gives.
    """
    return as_array(chip_temperature_k) - as_array(chip_to_radiator_drop_k)


def radiator_w_per_m2(
    *,
    radiator_temperature_k: ArrayLike,
    sink_temperature_k: ArrayLike,
    emissivity_share: ArrayLike,
    radiating_sides_count: ArrayLike,
) -> Array:
    """Heat that a square metre of radiator rejects: what it emits less what it takes up.

    Parameters
    ----------
    radiator_temperature_k : array_like (...)
        Temperature of the radiating surface, the same all over.
    sink_temperature_k : array_like (...)
        Temperature of surroundings that would give the surface what Sun and Earth do: the mean over its sides.
    emissivity_share : array_like (...)
        Share of a black body's light that the surface emits, and of its surroundings' that it takes up.
    radiating_sides_count : array_like (...)
        Sides of the panel that radiate: 1 or 2. A square metre of panel counts once.

    Returns
    -------
    ndarray (...)
        Net heat per area of panel [w_per_m2]; below 0 where the sink is warmer.

    Notes
    -----
    ``sides eps sigma (T^4 - T_sink^4)``

    - A sink at 0 K: ``sides eps sigma T^4``, so a fifth more kelvin rejects 1.2^4 = 2.07 times as much.
    - A radiator as warm as its sink: 0.
    - Twice the sides: twice the heat.

    References
    ----------
    The Stefan-Boltzmann law; the constant is that of the SI of 2019 (CODATA 2018).
    """
    hot, cold = as_array(radiator_temperature_k) ** 4, as_array(sink_temperature_k) ** 4
    black = STEFAN_BOLTZMANN_W_PER_M2_K4 * (hot - cold)
    return as_array(radiating_sides_count) * as_array(emissivity_share) * black


def radiator_area_m2(*, heat_w: ArrayLike, radiator_w_per_m2: ArrayLike) -> Array:
    """Radiator that rejects a given heat.

    Parameters
    ----------
    heat_w : array_like (...)
        Heat to reject: all the power that goes in.
    radiator_w_per_m2 : array_like (...)
        Heat that a square metre rejects.

    Returns
    -------
    ndarray (...)
        Area of panel [m2].

    Notes
    -----
    ``A = P / (P / A)``

    - No heat: no radiator.
    - A square metre that rejects nothing, or takes up heat: infinite, no area is enough.

    References
    ----------
    Conservation of energy: what is not radiated heats the chips.
    """
    rejected = as_array(radiator_w_per_m2)
    return np.where(rejected <= 0.0, np.inf, as_array(heat_w) / np.where(rejected <= 0.0, 1.0, rejected))
