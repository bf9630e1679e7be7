"""What a software profile is stated to do, by the time it was used: facts of stacks, never a fitted number."""

from typing import Annotated, Final

from pydantic import Field, RootModel

from colocalc.figure import Definition, Flag, IsoDate, Text

FSDP: Final = "fsdp"  # the profile that shards parameters and reduces gradients in every micro-batch

Bytes = Annotated[float, Field(strict=True, gt=0.0)]


class StackPeriod(Definition):
    """A profile up to a date.

    Attributes
    ----------
    until : str or None
        The last month it holds for; None for the newest period.
    fused_attention : bool
        Whether attention runs in one causal kernel that writes no scores.
    tensor_overlap, context_overlap, pipeline_overlap, data_overlap : bool
        Whether the traffic of each kind of parallelism runs beside compute.
    tuned : bool
        Whether the stack is tuned for its cluster.
    gradient_bytes, loss_bytes : float
        Bytes of a gradient as it is reduced, and of HBM traffic for each logit of the loss.
    source, note : str
        Where this is stated.
    """

    until: IsoDate | None = None
    fused_attention: Flag
    tensor_overlap: Flag
    context_overlap: Flag
    pipeline_overlap: Flag
    data_overlap: Flag
    tuned: Flag
    gradient_bytes: Bytes
    loss_bytes: Bytes
    source: Text
    note: Text | None = None


class Stack(RootModel[tuple[StackPeriod, ...]]):
    """A software profile: its periods in order, the newest last."""

    def at(self, date: str) -> StackPeriod:
        """The period that a date, such as ``2023-07`` or ``2023-07-14``, falls in."""
        return next((one for one in self.root if one.until is None or date[:7] <= one.until), self.root[-1])
