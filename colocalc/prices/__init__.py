"""Rate cards from files of prices: catalogs of SkyPilot (``skypilot:FILE``) and gpuhunt (``gpuhunt:FILE``), own CSV.

The card has the median of each GPU's prices, with the least and the greatest as its band: never the cheapest alone.
What a catalog lacks, its date, is that of the file unless ``@DATE`` stands behind it. Nothing is fetched.

Here is only how a file is named: what reads one is imported when there is one.
"""

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from colocalc.errors import ColocalcError, printable

SHOWN_CHARACTERS = 80
_DATED = re.compile(r"(.*)@(\d[\d-]*)", re.DOTALL)
_A_DATE = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?")


@dataclass(frozen=True)
class PriceFile:
    """A file of prices as a user names it.

    Attributes
    ----------
    name : str
        The whole text, which is the name of the card.
    kind : str
        ``skypilot``, ``gpuhunt`` or ``own``.
    file : str
        The path, as it is written.
    as_of : str or None
        The date behind the path.
    """

    name: str
    kind: str
    file: str
    as_of: str | None

    @property
    def provider(self) -> str:
        """Whose prices they are: catalogs have a file, or a folder with a file ``vms.csv``, for each provider."""
        path = Path(self.file)
        return printable(path.parent.name if path.stem == "vms" and path.parent.name else path.stem, SHOWN_CHARACTERS)


def price_file(text: str) -> PriceFile | None:
    """The file of prices that a card's name stands for; None for the name of a card or of a YAML file.

    Parameters
    ----------
    text : str
        ``skypilot:FILE``, ``gpuhunt:FILE`` or ``FILE.csv``, each with ``@DATE`` behind it or not.

    Raises
    ------
    ColocalcError
        When no file is named, or the date is none.
    """
    kind, colon, rest = text.partition(":")
    if not colon or kind not in {"skypilot", "gpuhunt"}:
        kind, rest = "own", text
    dated = _DATED.fullmatch(rest)
    file, as_of = (dated[1], dated[2]) if dated else (rest, None)
    if kind == "own" and not file.casefold().endswith(".csv"):
        return None
    if not file:
        raise ColocalcError(f"should be {kind}:FILE or {kind}:FILE@DATE", where=text)
    if as_of is not None and not is_date(as_of):
        raise ColocalcError(f"should end in a date such as @2026-05-08, not @{as_of}", where=text)
    return PriceFile(text, kind, file, as_of)


def is_date(text: str) -> bool:
    """Whether a text is a month or a day that exists, as rate cards write them."""
    if not _A_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text + "-01"[len(text) - 7 :])
    except ValueError:
        return False
    return True
