r"""JSON writes a character beyond 16 bits as two escapes, ``\ud83d\ude00``, where YAML knows one, ``\U0001f600``."""

import json
import re
from typing import Final

_HALF: Final = re.compile(r"\\u[dD][89abAB]")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|\\.", re.DOTALL)


def joined(text: str) -> str:
    r"""A JSON document in which every pair of escapes is the one that YAML knows; any other text as it is.

    Spaces behind the text that held a pair keep the rest of the line in its column. Half a pair is left for the reader
    of YAML to refuse, with its place.
    """
    if not _HALF.search(text) or not _is_json(text):
        return text  # only in JSON is every quote known to open or to close
    return _QUOTED.sub(_with_pairs_joined, text)


def _is_json(text: str) -> bool:
    try:
        json.loads(text, parse_int=len)  # an integer may be too long for Python
    except (ValueError, RecursionError):
        return False
    return True


def _with_pairs_joined(quoted: re.Match[str]) -> str:
    return _ESCAPE.sub(_one_escape, quoted.group()).ljust(len(quoted.group()))


def _one_escape(found: re.Match[str]) -> str:
    if found.group(1) is None:
        return found.group()
    return rf"\U{0x10000 + (int(found.group(1), 16) - 0xD800 << 10) + int(found.group(2), 16) - 0xDC00:08x}"
