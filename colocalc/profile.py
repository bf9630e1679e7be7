"""Measured times of one transformer block on one kind of GPU: what a step on mixed hardware is put together from."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from colocalc.figure import Definition, Flag, Text
from colocalc.units import SECONDS_PER_DAY

Whole = Annotated[int, Field(strict=True, ge=1)]
# No block takes a day: a slip of a unit is refused, and no sum over layers and micro-batches leaves the numbers.
Seconds = Annotated[float, Field(strict=True, gt=0.0, le=SECONDS_PER_DAY)]
SecondsOrNone = Annotated[float, Field(strict=True, ge=0.0, le=SECONDS_PER_DAY)]


class ProfileRow(Definition):
    """One GPU at one micro-batch and one degree of tensor parallelism.

    Attributes
    ----------
    gpu : str
        The GPU, as the source of the profile calls it.
    micro_batch, tp : int
        Sequences of a micro-batch, and GPUs that share each matrix.
    forward_s, backward_s, update_s : float
        One block: its two passes of a micro-batch, and the optimizer on its parameters.
    embedding_s, head_s : float or None
        What stands before the first block and behind the last, forward and backward together.
    """

    gpu: Text
    micro_batch: Whole
    tp: Whole
    forward_s: Seconds
    backward_s: Seconds
    update_s: SecondsOrNone
    embedding_s: SecondsOrNone | None = None
    head_s: SecondsOrNone | None = None


class LayerProfile(Definition):
    """The block times of one model.

    Attributes
    ----------
    families : tuple of str
        How the family of a run's model may start.
    hidden, seq_len : int
        Width of the model and tokens of a sequence it was measured with.
    precision : str
        What it was measured in, as runs name it.
    tied : bool
        Whether embedding and LM head are one table, whose gradients the first and the last stage then exchange.
    gpus : mapping of str to tuple of str
        Other names of a GPU of the rows.
    source, note : str
        Where this was measured.
    rows : tuple of ProfileRow
        The times.
    """

    families: Annotated[tuple[Text, ...], Field(min_length=1)]
    hidden: Whole
    seq_len: Whole
    precision: Text
    tied: Flag
    gpus: dict[str, tuple[Text, ...]] = Field(default_factory=dict)
    source: Text
    note: Text | None = None
    rows: Annotated[tuple[ProfileRow, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_row_of_a_kind(self) -> "LayerProfile":
        kinds = {(row.gpu, row.micro_batch, row.tp) for row in self.rows}
        if len(kinds) < len(self.rows):
            raise PydanticCustomError("twice", "two rows are of one gpu, micro_batch and tp")
        if not set(self.gpus) <= {row.gpu for row in self.rows}:
            raise PydanticCustomError("no_row", "gpus names one that has no row")
        return self
