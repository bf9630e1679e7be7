"""Rate cards from files of prices: the formats with their traps, names of GPUs, what is told, and the command line."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from colocalc.catalog import load_catalog
from colocalc.errors import ColocalcError, InputError
from colocalc.prices import price_file
from colocalc.prices.cards import read_prices
from colocalc.prices.names import Names, Offer, interface_in, tpu_slice
from colocalc.prices.rows import Rows

CATALOG = load_catalog()
DATA = Path(__file__).parent / "data" / "prices"
CLOUD = DATA / "somecloud" / "vms.csv"
SKYPILOT = "InstanceType,AcceleratorName,AcceleratorCount,Price,Region,SpotPrice\n"
GPUHUNT = "instance_name,location,price,gpu_count,gpu_name,gpu_memory,spot\n"
NINE_MAY = datetime(2026, 5, 9, 12, tzinfo=UTC).timestamp()


def imported(kind, path, *, as_of="2026-05-08", regions=(None,)):
    name = path if kind == "own" else f"{kind}:{path}"
    return read_prices(price_file(f"{name}@{as_of}" if as_of else str(name)), Path(path), CATALOG, regions)


def rates(found):
    """Value, low and high by GPU and term."""
    return {
        (rate["gpu"], rate["term"]): tuple(rate["rate_usd_per_gpu_h"][key] for key in ("value", "low", "high"))
        for rate in found.card["rates"]
    }


def one(usd):
    return (pytest.approx(usd, rel=1e-12),) * 3


@pytest.fixture
def written(tmp_path):
    def write(text, name="prices.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.fixture
def refused(written):
    """What is told of a file, without its name."""

    def told(kind, text):
        path = written(text)
        with pytest.raises(InputError) as caught:
            imported(kind, path)
        return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]

    return told


# How a file is named


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("skypilot:a.csv", ("skypilot", "a.csv", None)),
        ("skypilot:a/vms.csv@2026-05-08", ("skypilot", "a/vms.csv", "2026-05-08")),
        ("gpuhunt:a.csv@2026-05", ("gpuhunt", "a.csv", "2026-05")),
        ("gpuhunt:a@b.csv", ("gpuhunt", "a@b.csv", None)),
        ("own.CSV", ("own", "own.CSV", None)),
        ("own.csv@2026-05-08", ("own", "own.csv", "2026-05-08")),
    ],
)
def test_a_file_of_prices_is_named_by_format_path_and_date(text, parts):
    found = price_file(text)
    assert (found.name, found.kind, found.file, found.as_of) == (text, *parts)


@pytest.mark.parametrize("text", ["story-2026-05", "card.yaml", "csv", "other:a.yaml", ""])
def test_the_name_of_a_card_is_no_file_of_prices(text):
    assert price_file(text) is None


@pytest.mark.parametrize("date", ["2026", "2026-13", "2026-02-30", "20260508", "2026-5-8"])
def test_a_date_that_is_none_is_refused(date):
    with pytest.raises(ColocalcError, match=f"should end in a date such as @2026-05-08, not @{date}"):
        price_file(f"skypilot:a.csv@{date}")


@pytest.mark.parametrize("text", ["skypilot:", "gpuhunt:@2026-05-08"])
def test_a_format_without_a_file_is_refused(text):
    with pytest.raises(ColocalcError, match="should be"):
        price_file(text)


@pytest.mark.parametrize(
    ("text", "provider"),
    [("skypilot:v8/aws/vms.csv", "aws"), ("skypilot:vms.csv", "vms"), ("gpuhunt:x/aws.csv", "aws")],
)
def test_the_provider_is_the_folder_or_the_file(text, provider):
    assert price_file(text).provider == provider


# SkyPilot


def test_a_skypilot_catalog_is_priced_by_gpu_and_term():
    assert rates(imported("skypilot", CLOUD)) == {
        ("a100-pcie-80gb", "on-demand"): one(1.39),  # 80 MiB is meant as GiB
        ("a100-pcie-80gb", "spot"): one(1.39),
        ("a100-sxm-40gb", "on-demand"): one(0.745),  # the memory of two under the size of one
        ("h100-nvl", "on-demand"): one(2.265),
        ("h100-pcie", "on-demand"): one(2.49),
        ("h100-sxm", "on-demand"): (3.5, 3.0, 4.0),
        ("h100-sxm", "spot"): one(2.0),
        ("h200-sxm", "on-demand"): one(3.5),
        ("l4", "on-demand"): one(0.56),
        ("rtx-pro-6000-blackwell", "spot"): one(0.6),
        ("tpu-v4", "on-demand"): one(3.22),  # a slice of 8 cores is 4 chips
        ("tpu-v4", "spot"): one(3.686),
        ("tpu-v5e", "on-demand"): one(1.20),  # a slice of 8 chips
    }


def test_what_is_left_out_or_looks_wrong_is_told_with_its_line():
    assert imported("skypilot", CLOUD).notes[1:] == (
        "vms.csv: 2 rows with no accelerator and left out, the first in line 2",
        "vms.csv: 1 row with no price and left out, the first in line 14",
        "vms.csv: 2 rows with a spot price of zero, which is none and left out, the first in line 9",
        "vms.csv: 1 row with no instance (prices of the GPUs alone, without their host), the first in line 18",
        'vms.csv: 2 names are not in the catalog, 2 prices left out: "A6000 48GB", "V100 16GB"',
        'vms.csv: "H200" may be one of several, h200-sxm is taken for it (1 price)',
        "vms.csv: line 15: 12 h200-sxm in one instance, where a server holds 8: the count may be wrong, and with it the price of one",
        'vms.csv: line 16: spot "tpu-v4" at $3.69/GPU-h is dearer than on-demand at $3.22/GPU-h',
    )


def test_a_rate_says_how_many_prices_it_is_the_median_of_and_its_source():
    rate = next(rate for rate in imported("skypilot", CLOUD).card["rates"] if rate["gpu"] == "h100-sxm")
    assert rate["note"] == "median of 3 prices in 2 regions"
    assert rate["rate_usd_per_gpu_h"]["source"] == f"skypilot:{CLOUD}@2026-05-08"
    assert "region" not in rate


def test_a_card_says_file_provider_and_date():
    found = imported("skypilot", CLOUD)
    assert found.card["title"] == "SkyPilot catalog vms.csv, provider somecloud"
    assert (found.card["as_of"], found.card["currency"]) == ("2026-05-08", "usd")
    assert found.card["note"].startswith("From the SkyPilot catalog vms.csv, provider somecloud, as of 2026-05-08, ")
    assert dict(found.source) == {
        "title": "SkyPilot catalog vms.csv, provider somecloud",
        "date": "2026-05-08",
        "kind": "dataset",
        "note": "the date given with the file",
    }


def test_without_a_date_the_files_own_is_taken_and_said(written):
    path = written(SKYPILOT + "a,H100-SXM,8,24,us,\n")
    os.utime(path, (NINE_MAY, NINE_MAY))
    found = imported("skypilot", path, as_of=None)
    assert found.card["as_of"] == "2026-05-09"
    assert found.notes[0].endswith(
        "prices as of 2026-05-09, the file's modification date; the format has no date: "
        "put @YYYY-MM-DD behind the file to give it"
    )


def test_the_median_of_an_even_number_is_the_middle_of_two(written):
    text = SKYPILOT + "a,H100-SXM,1,2,us,\n" * 2 + "a,H100-SXM,1,3,us,\na,H100-SXM,1,9,us,\n"
    assert rates(imported("skypilot", written(text))) == {("h100-sxm", "on-demand"): (2.5, 2.0, 9.0)}


def test_a_region_asked_for_has_its_own_median():
    found = imported("skypilot", CLOUD, regions=("us-west", None))
    on_demand = [rate for rate in found.card["rates"] if rate["term"] == "on-demand"]
    priced = {(rate.get("region"), rate["gpu"]): rate["rate_usd_per_gpu_h"]["value"] for rate in on_demand}
    assert priced["us-west", "h100-sxm"] == 3.75
    assert priced[None, "h100-sxm"] == 3.5
    assert ("us-west", "h200-sxm") not in priced


def test_a_region_that_the_file_does_not_have_is_refused():
    with pytest.raises(ColocalcError, match=r'has no region "us-wset"; did you mean us-west\?'):
        imported("skypilot", CLOUD, regions=("us-wset",))
    with pytest.raises(ColocalcError, match=r'it has "us-central2", "us-east", "us-west"'):
        imported("skypilot", CLOUD, regions=("mars",))


def test_a_file_that_prices_no_known_gpu_is_refused(written):
    with pytest.raises(ColocalcError, match=r"prices no GPU of the catalog"):
        imported("skypilot", written(SKYPILOT + "a,A6000,1,1,us,\n"))


def test_prices_far_from_the_bundled_ones_are_told_and_stay(written):
    text = SKYPILOT + "a,H100-SXM,1,2,us,\n" * 2 + "a,H100-SXM,1,16,us,\n"
    found = imported("skypilot", written(text))
    assert rates(found) == {("h100-sxm", "on-demand"): (2.0, 2.0, 16.0)}
    assert found.notes[1:] == (
        "prices.csv: 1 on-demand price of h100-sxm outside $0.87/GPU-h to $10.32/GPU-h, the first in line 4: $16.00/GPU-h",
    )


# gpuhunt


def test_a_gpuhunt_catalog_has_spot_in_rows_of_its_own():
    found = imported("gpuhunt", DATA / "google.csv")
    assert rates(found) == {
        ("h100-nvl", "on-demand"): one(2.5),
        ("h100-sxm", "on-demand"): one(3.0),
        ("h100-sxm", "spot"): one(2.0),
        ("tpu-v4", "on-demand"): one(3.22),
        ("tpu-v4", "spot"): one(3.686),
        ("tpu-v5e", "on-demand"): one(1.20),
    }
    assert found.card["title"] == "gpuhunt catalog google.csv, provider google"
    assert found.notes[1:] == (
        "google.csv: 1 row with no accelerator and left out, the first in line 8",
        'google.csv: "H100 80GB" may be one of several, h100-sxm is taken for it (2 prices)',
        'google.csv: line 3: spot "tpu-v4" at $3.69/GPU-h is dearer than on-demand at $3.22/GPU-h',
    )


def test_a_spot_word_that_is_none_is_refused(refused):
    assert refused("gpuhunt", GPUHUNT + "a,us,1,1,H100,80,maybe\n") == [
        '2:1: spot: should be True or False, not "maybe"'
    ]


# One's own


def test_a_file_of_ones_own_is_taken_as_it_is():
    found = imported("own", DATA / "own.csv", as_of=None)
    assert [(rate["gpu"], rate.get("as_of"), rate["rate_usd_per_gpu_h"]["value"]) for rate in found.card["rates"]] == [
        ("h100-sxm", "2026-05-08", 2.2),
        ("H200", "2026-05", 2.9),
        ("gb200-nvl72", None, 4.85),
    ]
    assert found.card["as_of"] == "2026-05-08"
    assert found.card["note"] == "From the price list own.csv, as of 2026-05-08, its latest price."


def test_every_fault_of_ones_own_file_is_told_at_once(refused):
    text = (
        "gpu,term,region,rate_usd_per_gpu_h,as_of,foo\n"
        "h100-sxm,on-demnd,us,2.20,2026-05-08,\n"
        "H200,spot,,-2.90,2026-05,\n"
        "gb200-nvl72,spot,,abc,2026-13,\n"
        ",spot,,1,,\n"
        "h200-sxm,spot,,1,,\n"
        "h200-sxm,spot,,2,,\n"
        f"{'x' * 501},spot,,1,,\n"
    )
    assert refused("own", text) == [
        '1:1: unknown column "foo"',
        '2:1: term: should be one of spot, on-demand, 1-month, 1-year, 2-year, 3-year, 5-year, not "on-demnd"; did you mean on-demand?',
        '3:1: rate_usd_per_gpu_h: should be above 0, not "-2.90"',
        '4:1: as_of: should be a date such as 2026-05-08, not "2026-13"',
        '4:1: rate_usd_per_gpu_h: should be a number, not "abc"',
        "5:1: gpu: should not be empty",
        '7:1: prices "h200-sxm" spot a second time; line 6 has it already',
        "8:1: gpu: longer than 500 characters",
    ]


# What no format may hold


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("a,H100,8,abc,us,", 'Price: should be a number, not "abc"'),
        ("a,H100,8,nan,us,", 'Price: should be a number, not "nan"'),
        ("a,H100,8,1_000,us,", 'Price: should be a number, not "1_000"'),
        ("a,H100,8,=1+1,us,", 'Price: should be a number, not "=1+1"'),
        ("a,H100,8,0,us,", 'Price: should be above 0, not "0"'),
        ("a,H100,8,-24,us,", 'Price: should be above 0, not "-24"'),
        ("a,H100,8,1e999,us,", 'Price: should be from 1e-06 to 1,000,000, not "1e999"'),
        ("a,H100,8,1e-300,us,", 'Price: should be from 1e-06 to 1,000,000, not "1e-300"'),
        ("a,H100,8,24,us,-1", 'SpotPrice: should be above 0, not "-1"'),
        ("a,H100,,24,us,", "AcceleratorCount: should be a number, not empty"),
        ("a,H100,0,24,us,", 'AcceleratorCount: should be above 0, not "0"'),
        ("a,H100,eight,24,us,", 'AcceleratorCount: should be a number, not "eight"'),
        ("a,H100,8,24,us", "5 fields, where the header has 6"),
        ("a,H100,8,24,us,,", "7 fields, where the header has 6"),
        (f"{'a' * 10_001},H100,8,24,us,", "a field longer than 10,000 characters"),
        ('"a,H100', "not CSV: unexpected end of data"),
        ('"a"b,H100,8,24,us,', "not CSV: ',' expected after '\"'"),
    ],
)
def test_a_row_that_cannot_be_a_price_is_told_with_its_line(row, told, refused):
    assert refused("skypilot", f"{SKYPILOT}good,H100,8,24,us,\n{row}\n") == [f"3:1: {told}"]


def test_the_line_of_a_row_is_where_it_starts(refused):
    text = SKYPILOT + '"one\nof two lines",H100,8,x,us,\r\n\r\nc,H100,8,y,us,\n'
    assert [line.split(":")[0] for line in refused("skypilot", text)] == ["2", "5"]


def test_twenty_faults_are_told_and_a_thousand_kept(refused):
    told = refused("skypilot", SKYPILOT + "a,H100,8,x,us,\n" * 5_000)
    assert len(told) == 21
    assert told[-1] == "... and 980 more"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (b"", "1:1: is empty: a header and rows are expected"),
        (b"\n\n", "1:1: is empty: a header and rows are expected"),
        (SKYPILOT.encode("utf-16"), "1:1: UTF-16 text, not UTF-8; save the file as UTF-8"),
        (SKYPILOT.encode() + b"zon\xe9,H100,8,24,us,\n", "2:4: not UTF-8 text; save the file as UTF-8"),
        (SKYPILOT.encode() + b"a\0,H100,8,24,us,\n", "2:2: the character \\x00 is not allowed"),
        (SKYPILOT.encode() + b"\x1b[31ma,H100,8,24,us,\n", "2:1: the character \\x1b is not allowed"),
        ((SKYPILOT + "a\u202e,H100,8,24,us,\n").encode(), "2:2: the character \\u202e is not allowed"),
        (b"InstanceType,Price,Price\n", None),
    ],
)
def test_a_file_that_cannot_be_read_as_text_is_told(source, told, refused):
    lines = refused("skypilot", source)
    assert told is None or lines == [told]
    assert all(line.isprintable() for line in lines)


def test_missing_columns_are_told_with_the_nearest_or_the_right_format(refused):
    text = "InstanceType,AcceleratorNam,AcceleratorCount,Price,Region,SpotPrice\n"
    assert refused("skypilot", text) == ["1:1: no column AcceleratorName; did you mean AcceleratorNam?"]
    assert refused("gpuhunt", SKYPILOT)[0] == "1:1: no column instance_name; these are the columns of skypilot:FILE"
    assert refused("skypilot", SKYPILOT.replace("\n", ",Price\n")) == ['1:1: a second column "Price"']


def test_a_file_may_start_with_a_byte_order_mark(written):
    text = b"\xef\xbb\xbf" + SKYPILOT.encode() + b"a,H100-SXM,8,24,us,\n"
    assert rates(imported("skypilot", written(text))) == {("h100-sxm", "on-demand"): one(3.0)}


def test_ones_own_file_without_rows_is_refused(refused):
    assert refused("own", "gpu,term,rate_usd_per_gpu_h\n") == ["1:1: no rows behind the header"]


def test_a_file_that_is_too_large_is_refused(monkeypatch, written):
    monkeypatch.setattr("colocalc.prices.rows.MAX_ROWS", 3)
    with pytest.raises(InputError, match="more than 3 rows"):
        list(Rows(SKYPILOT.encode() + b"a,H100,8,24,us,\n" * 4, "x", ()))
    monkeypatch.setattr("colocalc.prices.listing.MAX_GROUPS", 2)
    with pytest.raises(InputError, match="more than 2 kinds of GPU, term and region"):
        imported("skypilot", written(SKYPILOT + "".join(f"a,H{number},8,24,us,\n" for number in range(4))))
    with pytest.raises(InputError, match="larger than 32 MiB"):
        Rows(b"a" * (32 * 2**20 + 1), "x", ())


def test_gpu_info_is_never_run(written, tmp_path):
    path = tmp_path / "made"
    info = f"\"__import__('pathlib').Path('{path}').touch()\""
    text = SKYPILOT.replace("\n", ",GpuInfo\n") + f"a,H100-SXM,8,24,us,,{info}\n"
    assert rates(imported("skypilot", written(text)))
    assert not path.exists()


def test_names_that_are_formulas_or_markup_are_shown_as_text(written):
    row = 'a,"=HYPERLINK(""http://x"")",1,1,us,\nb,<script>alert(1)</script>,1,1,us,\n'
    found = imported("skypilot", written(SKYPILOT + row + "c,H100-SXM,1,2,us,\n"))
    assert found.notes[1] == (
        "prices.csv: 2 names are not in the catalog, 2 prices left out: "
        '"<script>alert(1)</script>", "=HYPERLINK("http://x")"'
    )
    assert [rate["gpu"] for rate in found.card["rates"]] == ["h100-sxm"]


def test_only_the_first_names_that_are_not_known_are_told(written):
    rows = "".join(f"a,unknown-{number},1,1,us,\n" for number in range(9))
    found = imported("skypilot", written(SKYPILOT + rows + "c,H100-SXM,1,2,us,\n"))
    assert found.notes[1].endswith('"unknown-0", "unknown-1", "unknown-2", "unknown-3", "unknown-4" and 4 more')


# Names


@pytest.mark.parametrize(
    ("offer", "gpu"),
    [
        (Offer("H100"), "h100-sxm"),
        (Offer("H100", "pcie"), "h100-pcie"),
        (Offer("H100", "sxm"), "h100-sxm"),
        (Offer("H100-SXM5"), "h100-sxm"),
        (Offer("NVIDIA H100 80GB HBM3"), "h100-sxm"),
        (Offer("H100NVL"), "h100-nvl"),
        (Offer("H100-NVL", "sxm"), "h100-nvl"),
        (Offer("H100", None, (94.0,)), "h100-nvl"),
        (Offer("H100", None, (160.0, 80.0)), "h100-sxm"),
        (Offer("H100", None, (40.0,)), None),
        (Offer("A100-80GB"), "a100-sxm-80gb"),
        (Offer("A100-80GB", "pcie"), "a100-pcie-80gb"),
        (Offer("A100", None, (40.0,)), "a100-sxm-40gb"),
        (Offer("A100", "pcie", (39.6,)), "a100-pcie-40gb"),
        (Offer("V100", None, (16.0,)), None),
        (Offer("V100-32GB"), "v100-sxm2-32gb"),
        (Offer("H200", None, (141.0,)), "h200-sxm"),
        (Offer("H200-NVL"), "h200-nvl"),
        (Offer("GH200", None, (96.0,)), "gh200-96gb"),
        (Offer("GB200"), "gb200-nvl72"),
        (Offer("B200", "sxm", (192.0,)), "b200-sxm"),
        (Offer("B300", None, (288.0,)), "b300-sxm"),
        (Offer("RTX6000-Ada"), "rtx-6000-ada"),
        (Offer("RTXPRO6000"), "rtx-pro-6000-blackwell"),
        (Offer("AMD Instinct MI300X"), "mi300x"),
        (Offer("L40S", "pcie", (45.0,)), "l40s"),
        (Offer("A10"), "a10"),
        (Offer("A10G"), None),
        (Offer("L40"), None),
        (Offer("tpu-v6e"), "tpu-v6e"),
        (Offer("Trainium2"), "trainium2"),
        (Offer(""), None),
    ],
)
def test_a_gpu_is_known_by_name_interface_and_memory(offer, gpu):
    assert Names(CATALOG).meaning(offer).gpu == gpu


def test_a_choice_that_the_row_leaves_open_is_marked():
    names = Names(CATALOG)
    assert names.meaning(Offer("H100")).guessed
    assert not names.meaning(Offer("H100", "sxm")).guessed
    assert not names.meaning(Offer("MI300X")).guessed


@pytest.mark.parametrize(
    ("name", "slice_"),
    [
        ("tpu-v4-8", ("tpu-v4", 4.0)),
        ("v5p-16", ("tpu-v5p", 8.0)),
        ("v5litepod-8", ("tpu-v5e", 8.0)),
        ("tpu-v6e-4", ("tpu-v6e", 4.0)),
        ("v6e", ("tpu-v6e", 1.0)),
        ("v2-1", ("tpu-v2", 1.0)),
        ("V100", None),
        ("H100", None),
    ],
)
def test_a_slice_of_tpus_is_counted_in_chips(name, slice_):
    assert tpu_slice(name) == slice_


def test_an_interface_is_read_from_the_first_text_that_has_one():
    assert interface_in("H100", "A100 PCIe", "gpu_8x_h100_sxm5") == "pcie"
    assert interface_in("GB200-NVL72", "x") is None


# The command line


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prices.csv").write_bytes(CLOUD.read_bytes())
    fleet = "name: x\npools: [{gpu: h100-sxm, count: 8}]\nlease: {rate_card: '%s', region: us-west}\n"
    (tmp_path / "fleet.yaml").write_text(fleet % "skypilot:prices.csv@2026-05-08", encoding="utf-8")
    return tmp_path


def test_lease_shows_the_card_asked_for_with_its_bands_and_source(folder, colocalc):
    card = "skypilot:prices.csv@2026-05-08"
    run = colocalc("lease", "startup-64-h200", "--set", "lease.term=on-demand", "--rate-card", card)
    assert run.code == 0
    assert "Rate card skypilot:prices.csv@2026-05-08: SkyPilot catalog prices.csv, provider prices" in run.out
    row = next(line for line in run.out.splitlines() if line.startswith("h100-sxm") and "on-demand" in line)
    assert row.split() == ["h100-sxm", "on-demand", "$3.50/GPU-h", "$3.00/GPU-h", "$4.00/GPU-h", "2026-05-08"]
    assert "SkyPilot catalog prices.csv, provider prices (2026-05-08," in run.out
    assert "note: prices.csv: 2 rows with no accelerator and left out, the first in line 2" in run.err


def test_a_fleet_may_name_a_file_in_its_folder(folder, colocalc):
    run = colocalc("lease", "fleet.yaml", "--format", "json")
    assert run.metrics["lease.mean_rate_usd_per_gpu_h"] == 3.75
    assert '"rate_card"' in run.out
    origins = [line for line in run.out.splitlines() if '"origin": "catalog"' in line and "cards." in line]
    assert origins == []


def test_check_looks_over_an_imported_card_and_tells_what_was_left_out(folder, colocalc):
    run = colocalc("check", "fleet.yaml", "--set", "lease.region=us-central2", "--set", "pools.h100-sxm.gpu=tpu-v4")
    assert run.code == 0
    assert "spot at $3.69/GPU-h is dearer than on-demand at" in " ".join(run.out.split())
    assert "left out" in run.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("solve", "fleet.yaml", "--for", "lease.billed_share", "--until", "lease.run_rate_revenue_usd_per_yr = 1e5"),
        ("report", "fleet.yaml"),
        ("hedge", "fleet.yaml"),
        ("explain", "lease.mean_rate_usd_per_gpu_h", "fleet.yaml"),
    ],
)
def test_every_command_that_reads_a_lease_reads_its_file(arguments, folder, colocalc):
    assert colocalc(*arguments).code == 0


def test_contracts_may_have_files_each_with_its_region(folder, colocalc):
    fleet = (
        "name: x\npools: [{name: a, gpu: h100-sxm, count: 8}, {name: b, gpu: h100-sxm, count: 8}]\ncontracts:\n"
        "  - {name: one, pools: [a], rate_card: 'skypilot:prices.csv', region: us-west}\n"
        "  - {name: two, pools: [b], rate_card: 'skypilot:prices.csv'}\n"
    )
    (folder / "two.yaml").write_text(fleet, encoding="utf-8")
    metrics = colocalc("lease", "two.yaml", "--format", "json").metrics
    assert metrics["lease.mean_rate_usd_per_gpu_h"] == pytest.approx((3.75 + 3.5) / 2, rel=1e-12)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("sources: 5", "fleet.yaml:4:10: sources: should be a mapping, not 5"),
        ("cards: 5", "fleet.yaml:4:8: cards: should be a mapping, not 5"),
    ],
)
def test_a_block_that_is_none_is_told_by_its_own_line(block, told, folder, colocalc):
    with (folder / "fleet.yaml").open("a", encoding="utf-8") as file:
        file.write(block + "\n")
    run = colocalc("lease", "fleet.yaml")
    assert (run.code, run.err.splitlines()) == (3, [told])


@pytest.mark.parametrize(
    "fleet", ["- 1", "{}", "name: x\nlease: 5", "name: x\ncontracts: [5]", "lease: {rate_card: 5}"]
)
def test_what_is_no_fleet_is_left_to_validation(fleet, folder, colocalc):
    run = colocalc("lease", "-", "--rate-card", "skypilot:prices.csv", stdin=fleet.encode())
    assert run.code == 3
    assert "Traceback" not in run.err


def test_ones_own_card_may_be_csv(folder, colocalc):
    (folder / "own.csv").write_bytes((DATA / "own.csv").read_bytes())
    run = colocalc("lease", "colossus-1", "--rate-card", "own.csv", "--format", "json")
    assert run.metrics["lease.mean_rate_usd_per_gpu_h"] == pytest.approx(2.6, rel=1e-12)


def test_a_fleets_own_card_of_that_name_goes_before_a_file(folder, colocalc):
    card = "cards: {'prices.csv': {as_of: 2026-05, currency: usd, rates: [{gpu: h100-sxm, term: spot, rate_usd_per_gpu_h: 1}]}}\n"
    fleet = "name: x\npools: [{gpu: h100-sxm, count: 8}]\nlease: {rate_card: prices.csv}\n" + card
    run = colocalc("lease", "-", "--format", "json", stdin=fleet.encode())
    assert run.metrics["lease.mean_rate_usd_per_gpu_h"] == 1.0


def test_a_file_of_more_columns_than_any_has_is_refused(tmp_path, colocalc):
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{number}" for number in range(1_001)) + "\n")
    run = colocalc("lease", "neocloud-1k-h100", "--rate-card", path)
    assert (run.code, run.out) == (3, "")
    assert run.err == f"{path}:1:1: more than 1,000 columns\n"
