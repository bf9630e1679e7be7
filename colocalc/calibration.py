"""The constants of the step-time model as a user may write them: each with its prior, its error and its sources.

Priors are lognormal, so every number is above zero; the name of a constant ends in its unit, and a share is at most 1.
"""

import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from colocalc.figure import Count, Definition, Flag, Quantity, Text
from colocalc.units import unit_of

AboveZero = Annotated[float, Quantity("", above=0.0)]  # in the unit that stands beside it
_RANGE = "largest_gpu_count"
WidthOfLog = Annotated[float, Quantity("", above=0.0)]  # a standard deviation of a natural logarithm

EXPERTS = "experts"  # the largest run of a model with experts, on whatever GPU

_HEAD = "# Constants of the step-time model. Widths and standard errors are of the natural logarithm."


def family_key(family: str, bits: int) -> str:
    """What runs on one family of GPUs at one precision are counted under."""
    return f"{family} {bits}-bit"


class Constant(Definition):
    """One constant: the value used, what was believed before the fit, and how well the fit knows it.

    Attributes
    ----------
    value, prior : float
        The value, and the median of its lognormal prior; a constant that is not fitted has the value of its prior.
    prior_width_log, standard_error_log : float
        Standard deviations of the natural logarithm, before and after the fit.
    unit : str
        The unit, which is also the end of the constant's name.
    meaning : str
        What it is, in one phrase.
    fitted : bool
        Whether it was fitted to runs or held at its prior.
    source, prior_source : str
        Ids of the sources of the value and of the prior.
    note : str
        What a reader should doubt.
    """

    model_config = ConfigDict(defer_build=True)  # most commands never ask for a constant

    value: AboveZero
    prior: AboveZero
    prior_width_log: WidthOfLog
    standard_error_log: WidthOfLog | None = None
    unit: Text
    meaning: Text
    fitted: Flag
    source: Text
    prior_source: Text
    note: Text | None = None

    @model_validator(mode="after")
    def _fitted_has_an_error(self) -> "Constant":
        if self.fitted != (self.standard_error_log is not None):
            raise PydanticCustomError("fitted", "standard_error_log belongs to a fitted constant, and only there")
        if not self.fitted and self.value != self.prior:
            raise PydanticCustomError("held", "value differs from prior, but fitted is false")
        return self


class Calibration(Definition):
    """All constants of the step-time model, by the names that its kernels know them by.

    ``largest_gpu_count`` is the range they were fitted in: GPUs of the largest run, by family and bits, and with
    ``experts``.
    """

    model_config = ConfigDict(defer_build=True)

    sustained_share: Constant
    tpu_share: Constant
    fp8_factor: Constant
    ultra_factor: Constant
    shape_factor: Constant
    elementwise_factor: Constant
    attention_factor: Constant
    fixed_step_s: Constant
    scale_loss_share: Constant
    fsdp_exposed_share: Constant
    maturity_share: Constant
    expert_layer_s: Constant
    fp4_factor: Constant
    tpu_shape_factor: Constant
    grouped_shape_factor: Constant
    tp_exposed_share: Constant
    tp_overlapped_share: Constant
    cp_overlapped_share: Constant
    ep_exposed_share: Constant
    ep_link_share: Constant
    expert_far_factor: Constant
    pp_exposed_share: Constant
    pp_overlapped_share: Constant
    scale_up_share: Constant
    scale_out_share: Constant
    dp_window_share: Constant
    dp_exposed_share: Constant
    dcn_share: Constant
    persistent_share: Constant
    tuned_scale_factor: Constant
    maturity_months: Constant
    hbm_share: Constant
    largest_gpu_count: dict[Text, Count] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _units_are_those_of_the_names(self) -> "Calibration":
        for name, constant in self.constants().items():
            unit = unit_of(name)
            if unit is not None and constant.unit != unit.suffix:
                told = {"at": name, "unit": unit.suffix}
                raise PydanticCustomError("unit", "should have the unit {unit}", told)
            if constant.unit == "share" and max(constant.value, constant.prior) > 1.0:
                raise PydanticCustomError("share", "is a share, so at most 1", {"at": name})
        return self

    def constants(self) -> dict[str, Constant]:
        """The constants by name, in the order of the definition."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != _RANGE}

    def values(self) -> dict[str, float]:
        """The values by name, as the kernels take them."""
        return {name: constant.value for name, constant in self.constants().items()}

    def as_prior(self) -> "Calibration":
        """The same values as what is believed before runs of one's own are seen, and as sure of them as at first.

        A fit to a few runs keeps what they tell nothing of. The widths stay those of the priors: how far the software
        and the machines of one place are from the published ones is not known better for all the runs of others.
        """
        known = self.model_dump()
        for name, constant in self.constants().items():
            known[name] |= {"prior": constant.value, "prior_source": constant.source}
        return Calibration.model_validate(known)

    def fitted_to(
        self,
        values: Mapping[str, float],
        standard_error_log: Mapping[str, float],
        *,
        largest_gpu_count: Mapping[str, float],
        source: str,
    ) -> "Calibration":
        """The same calibration with other values of its fitted constants.

        Parameters
        ----------
        values, standard_error_log : mapping of str to float
            What a fit found, by constant.
        largest_gpu_count : mapping of str to float
            The range of the runs behind it.
        source : str
            What it was fitted to.
        """
        known = self.model_dump() | {_RANGE: dict(largest_gpu_count)}
        for name, error in standard_error_log.items():
            known[name] |= {
                "value": float(f"{values[name]:.4g}"),
                "standard_error_log": float(f"{error:.3g}"),
                "source": source,
                "note": None,
            }
        return Calibration.model_validate(known)

    def as_text(self) -> str:
        """The calibration as a file that reads back the same: YAML with one constant to a line."""
        lines = (
            f"{name}: {json.dumps(constant.model_dump(exclude_none=True), ensure_ascii=True)}"
            for name, constant in self.constants().items()
        )
        largest = f"{_RANGE}: {json.dumps(self.largest_gpu_count, ensure_ascii=True)}"
        return "\n".join((_HEAD, *lines, largest)) + "\n"
