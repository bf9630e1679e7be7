"""What to write where a file lacks a block that a command rests on: its reason says what, this an example of it."""

from colocalc.report.table import Note
from colocalc.study.choices import NEEDS_REFERENCE
from colocalc.study.evaluate import NEEDS

_WRITTEN = {
    NEEDS["training"]: "training: {model: llama-3.1-70b, sequence_tokens: 8192, global_batch_tokens: 16_777_216}",
    NEEDS["lease"]: "lease: {rate_card: market-3yr, term: 3-year}",
    NEEDS["loss"]: "finance: {loss_usd: 120e6, loss_months: 12}",
    NEEDS_REFERENCE: "finance: {reference: {gpu: h100-sxm, rate_usd_per_gpu_h: 2.65, mfu_share: 0.40}}",
}
_NOTES = {reason: Note(f"{reason.split(' (')[0]}, for example: {example}") for reason, example in _WRITTEN.items()}
EXAMPLES = frozenset(_NOTES.values())


def wanted(reason: str | None) -> tuple[Note, ...]:
    """The note with an example of what a reason says is missing; none where there is no short one.

    Parameters
    ----------
    reason : str or None
        Why something is undefined, in the words of ``NEEDS``.
    """
    return (_NOTES[reason],) if reason in _NOTES else ()
