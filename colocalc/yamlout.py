"""Plain data written as YAML that our own reader reads back as the same data: one way to write, and no surprises."""

import re
import sys
from collections.abc import Mapping
from typing import Any

import yaml

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[ ._-][A-Za-z0-9]+)*")
# Words that readers of YAML 1.1 or 1.2 take for something other than text.
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_EXACT = 2**53  # whole numbers below are exact, and are written without a point, as counts are


def dump(data: Mapping[str, Any]) -> str:
    """A mapping of text, numbers, booleans, lists and mappings as YAML; the same bytes for the same data.

    Parameters
    ----------
    data : mapping
        Plain data; no value is None, NaN or infinite, which a file of ours never holds.

    Returns
    -------
    str
        Lines of block style, a line feed behind each.
    """
    return yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=sys.maxsize
    )


class _Dumper(yaml.SafeDumper):
    """YAML without anchors, in which text is bare only where no reader takes it for anything else."""

    def ignore_aliases(self, data: Any) -> bool:
        """No block is written as an alias of another, since readers of files of ours take few."""
        del data
        return True


def _text(dumper: _Dumper, text: str) -> yaml.Node:
    is_plain = _PLAIN.fullmatch(text) and text.casefold() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if is_plain else '"')


def _number(dumper: _Dumper, value: float) -> yaml.Node:
    is_count = value == int(value) and abs(value) < _EXACT
    return dumper.represent_int(int(value)) if is_count else yaml.SafeDumper.represent_float(dumper, value)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)
# Our reader makes mappings and lists of kinds of its own.
_Dumper.add_multi_representer(dict, yaml.SafeDumper.represent_dict)
_Dumper.add_multi_representer(list, yaml.SafeDumper.represent_list)
