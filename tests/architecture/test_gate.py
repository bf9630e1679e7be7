"""The gate runs what the README tells a stranger to run, to the letter."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not (ROOT / ".ci").is_dir(), reason="not a checkout: an unpacked sdist")
def test_the_gate_calls_the_two_lines_of_the_readme():
    readme, gate = (ROOT / "README.md").read_text(), (ROOT / ".ci" / "run").read_text()
    start = readme.split("## Start", 1)[1].split("## ", 1)[0]
    lines = [block.strip() for block in re.findall(r"```sh\n(.*?)```", start, flags=re.DOTALL)]

    assert len(lines) == 2
    for line in lines:
        assert "\n" not in line
        assert line in gate


def test_the_top_level_is_as_prescribed():
    prescribed = {"pyproject.toml", "README.md", "CHANGELOG.md", "colocalc", "tests", "fleets"}
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:  # no checkout: an unpacked sdist
        pytest.skip("not a git checkout")

    assert {line.split("/")[0] for line in listed.stdout.splitlines() if not line.startswith(".")} == prescribed
