"""Predicted against measured on mixed hardware: steps put together from measured times of one block."""

from dataclasses import dataclass

import numpy as np

from colocalc.arrays import Array, as_array
from colocalc.case.mixed_runs import MixedCase, MixedRun
from colocalc.mfu.predict.mixed import exchange_s, link_rate_byte_per_s, mixed_step_s, slowest_replica_s
from colocalc.study.validate import Mask


@dataclass(frozen=True, eq=False)
class MixedValidation:
    """Predictions of runs on mixed hardware beside what was measured; arrays ``(run,)``.

    Attributes
    ----------
    case : MixedCase
        The runs.
    measured_s, predicted_s, low_s, high_s : ndarray
        Measured time of a step, the predicted one, and its band.
    error_share : ndarray
        Predicted over measured, less one.
    exchange_s, send_s : ndarray
        Exchange of gradients, and one send of a micro-batch to the next stage, that the prediction has.
    """

    case: MixedCase
    measured_s: Array
    predicted_s: Array
    low_s: Array
    high_s: Array
    error_share: Array
    exchange_s: Array
    send_s: Array

    @property
    def is_predicted(self) -> Mask:
        """Whether each run has a prediction; numbers beyond all measure leave it without."""
        return np.isfinite(self.predicted_s)

    @property
    def is_inside(self) -> Mask:
        """Whether each measured time lies in the band."""
        return np.asarray((self.low_s <= self.measured_s) & (self.measured_s <= self.high_s))

    @property
    def skipped(self) -> tuple[tuple[str, str, str], ...]:
        """Runs without a prediction: the id, the source, and why."""
        lost = [self.case.runs[int(run)] for run in np.flatnonzero(~self.is_predicted)]
        return (*self.case.skipped, *((run.id, run.source, "mixed hardware: no finite time") for run in lost))


def validate_mixed(case: MixedCase, *, band_share: float) -> MixedValidation:
    """Every run of a case predicted.

    Parameters
    ----------
    case : MixedCase
        The runs.
    band_share : float
        Half-width of the band, in the logarithm of time.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # numbers beyond all measure end as no prediction
        found = as_array([_predicted(run) for run in case.runs]).reshape(-1, 3)
    predicted, measured = found[:, 0], as_array([run.measured_s for run in case.runs])
    return MixedValidation(
        case=case,
        measured_s=measured,
        predicted_s=predicted,
        low_s=predicted * np.exp(-band_share),
        high_s=predicted * np.exp(band_share),
        error_share=predicted / measured - 1.0,
        exchange_s=found[:, 1],
        send_s=found[:, 2],
    )


def _predicted(run: MixedRun) -> tuple[float, float, float]:
    """Time of a step, and in it the exchange of gradients between replicas and one send between stages."""
    known = {"rank_count": run.dp_count, "gradient_byte": run.gradient_byte, "link_byte_per_s": run.link_byte_per_s}
    exchange = exchange_s(**known, measured_s=run.exchange_s)
    sent, tied = _between_stages(run, link_rate_byte_per_s(**known, exchange_s=exchange))
    stage = slowest_replica_s(layer_s=run.block_s, layer_count=run.layer_count, outer_s=run.outer_s)
    update = slowest_replica_s(layer_s=run.update_s, layer_count=run.layer_count, outer_s=np.zeros_like(run.update_s))
    step = mixed_step_s(
        stage_s=stage,
        micro_batch_count=run.micro_batch_count,
        send_s=sent,
        update_s=np.max(update),
        exchange_s=exchange + tied,
    )
    return float(step), float(exchange), float(sent)


def _between_stages(run: MixedRun, link_byte_per_s: Array) -> tuple[Array, Array]:
    """One send of a micro-batch, and the exchange of the gradients of a table that two stages hold."""
    if len(run.layer_count) == 1:  # nothing crosses the network, whose rate may then be unknown
        return as_array(0.0), as_array(0.0)
    tied = exchange_s(
        rank_count=2.0, gradient_byte=run.tied_byte, link_byte_per_s=link_byte_per_s, measured_s=float("nan")
    )
    return as_array(run.activation_byte / link_byte_per_s), tied
