"""What a dotted key means: a place in a fleet file, or one of the assumptions behind a report."""

from collections.abc import Container, Mapping, Sequence

from colocalc.catalog import Catalog
from colocalc.faults import fields_at
from colocalc.fleet import Fleet

# Blocks that only assumptions have, and those that hold a file's own entries beside the catalog's.
_ASSUMED = frozenset({"mfu", "predict", "calibration", "software", "schedule", "networks"})
_EITHER = frozenset({"gpus", "cards"})
_LISTS = {name for name, field in Fleet.model_fields.items() if getattr(field.annotation, "__origin__", None) is tuple}


def is_assumption(key: str, catalog: Catalog, own: Mapping[str, Container[str]]) -> bool:
    """Whether a key is the path of an assumption and no place in a fleet file.

    Parameters
    ----------
    key : str
        Such as ``mfu.memory_bound_share`` or ``gpus.h100-sxm.hbm_gbyte``.
    catalog : Catalog
        For the names of the defaults.
    own : mapping of str to container of str
        The entries of the file's own blocks, which are places in it.
    """
    root, _, rest = key.partition(".")
    if not rest:
        return False
    # claims.tolerance_share would name a claim, and a claim is no number.
    if root in _ASSUMED or (root in _LISTS and key in catalog.defaults):
        return True
    if root in _EITHER:
        # What reports list an entry's numbers under is not always where the file has them.
        return rest.split(".", 1)[0] not in own.get(root, ()) or unknown_part(key, {}) is not None
    # The file's own keys first, which are in memory: defaults are read from theirs one by one.
    return unknown_part(key, {}) is not None and _is_number_of_a_default(rest.rpartition(".")[-1], catalog)


def _is_number_of_a_default(name: str, catalog: Catalog) -> bool:
    named = (key for key in catalog.defaults if key.rpartition(".")[-1] == name)
    return any(isinstance(catalog.defaults[key].value, float) for key in named)


def unknown_part(key: str, names: Mapping[str, Sequence[str]]) -> tuple[str, list[str]] | None:
    """The first part of a key that no fleet file can have, and what may stand there; None where it leads somewhere.

    Parameters
    ----------
    key : str
        A dotted key; pools, sites and the like by name.
    names : mapping of str to sequence of str
        What the entries of a block are called; entries of other blocks may have any name.
    """
    parts: list[str | int] = [*key.split(".")]
    for depth, part in enumerate(parts):
        named = names.get(str(parts[0])) if depth == 1 else None
        known = list(named) if named is not None else list(fields_at(Fleet, _typed(parts[:depth])))
        if part not in known and (known or named is not None):
            return str(part), known
    return None


def _typed(parts: list[str | int]) -> list[str | int]:
    """A key as types see it: an entry of a list is a number, whatever its name."""
    return [0 if place == 1 and parts[0] in _LISTS else part for place, part in enumerate(parts)]
