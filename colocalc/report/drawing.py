"""Charts drawn by vl-convert: as SVG to stand in a page, or as a file of their own."""

import re
import textwrap
from typing import Any, Final
from xml.etree import ElementTree as ET

from colocalc.errors import EXIT_EXTRA, ColocalcError, printable
from colocalc.report.charts.chart import Chart

FORMATS: Final = ("svg", "png", "pdf")

_TITLE_WIDTH: Final = 56
_SCALE: Final = 2.0  # of pixels, so that a picture is sharp where it is shown large
# What a drawing may be made of; anything else is left out.
_ELEMENTS: Final = {"svg", "g", "path", "rect", "line", "text", "tspan"}
_ATTRIBUTES: Final = {
    "viewBox",
    "d",
    "x",
    "y",
    "x2",
    "y2",
    "width",
    "height",
    "transform",
    "fill",
    "fill-opacity",
    "stroke",
    "stroke-width",
    "stroke-dasharray",
    "text-anchor",
    "opacity",
}
_OF_A_LETTER: Final = {"fill", "opacity"}  # the page gives these, and the font
_USUAL: Final = {("opacity", "1"), ("stroke-width", "1"), ("transform", "translate(0,0)")}
_NUMBER: Final = re.compile(r"-?\d+\.\d{3,}")


def inline_svg(chart: Chart, *, where: str) -> str:
    """A chart as an SVG element of a page, with its title and text alternative.

    Parameters
    ----------
    chart : Chart
        What to draw.
    where : str
        The option that asked for it, for the message where the extra is missing.

    Returns
    -------
    str
        One element without an outer declaration, reference or script, of shapes and text alone. The page gives the
        font and colour of letters.

    Raises
    ------
    ColocalcError
        When vl-convert is not installed.
    """
    drawn: str = _library(where).vegalite_to_svg(chart.spec, allowed_base_urls=[])
    root = ET.fromstring(drawn)  # noqa: S314 - drawn here, of escaped text
    _clean(root)
    name = f"chart-{chart.key}"
    root.attrib = {
        "viewBox": root.attrib["viewBox"],
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "aria-describedby": f"{name}-text",
    }
    for tag, text in (("desc", chart.text), ("title", chart.title)):
        element = ET.Element(tag, {"id": f"{name}-{'text' if tag == 'desc' else tag}"})
        element.text = printable(text)
        root.insert(0, element)
    return ET.tostring(root, encoding="unicode").replace(" />", "/>")


def _clean(element: ET.Element) -> None:
    """Leaves what a drawing needs: known elements and attributes, numbers of two digits, nothing that is not seen."""
    element.tag = element.tag.rpartition("}")[2]
    element.attrib = {
        key: _NUMBER.sub(lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
        for key, value in element.attrib.items()
        if key in _ATTRIBUTES - (_OF_A_LETTER if element.tag == "text" else set()) and (key, value) not in _USUAL
    }
    for child in list(element):
        hidden = child.attrib.get("display") == "none"
        _clean(child)
        empty = child.tag == "g" and not len(child)
        unseen = child.tag == "path" and not {"fill", "stroke"} & set(child.attrib)
        if child.tag not in _ELEMENTS or hidden or empty or unseen:
            element.remove(child)


def chart_bytes(chart: Chart, form: str, *, where: str) -> bytes:
    """A chart as a file of its own, with its title, on white.

    The same chart makes the same bytes; a PDF does as long as its letters are of one font, for vl-convert writes
    several in any order. So no letter is bold, and only names in letters that are not Latin bring a second font.

    Parameters
    ----------
    chart : Chart
        What to draw.
    form : str
        One of ``FORMATS``.
    where : str
        The option that asked for it, for the message where the extra is missing.

    Raises
    ------
    ColocalcError
        When vl-convert is not installed.
    """
    library = _library(where)
    title = textwrap.wrap(printable(chart.title), _TITLE_WIDTH)
    spec = {**chart.spec, "title": {"text": title}, "background": "white", "padding": 16}
    draw: dict[str, Any] = {
        "svg": lambda: library.vegalite_to_svg(spec, allowed_base_urls=[]).encode(),
        "png": lambda: library.vegalite_to_png(spec, scale=_SCALE, allowed_base_urls=[]),
        "pdf": lambda: library.vegalite_to_pdf(spec, allowed_base_urls=[]),
    }
    drawn: bytes = draw[form]()
    return drawn


def _library(where: str) -> Any:
    try:
        import vl_convert
    except ImportError:
        message = "needs the extra report: pip install 'colocalc[report]'"
        raise ColocalcError(message, where=where, exit_code=EXIT_EXTRA) from None
    return vl_convert
