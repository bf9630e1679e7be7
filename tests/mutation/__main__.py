"""Mutation testing of the kernels: which small changes of them does no test of theirs notice?

``python -m tests.mutation --sample 20 --seed 1``, with ``pip install -e '.[mutation]'``, draws that many mutants of each
module, runs the tests that reach the changed function (those listed under ``tool.mutmut`` in ``pyproject.toml``), and
prints what was killed, per module, per package and in total, with the standard error of the share. Without
``--sample`` every mutant is run, which takes hours; a run that was cut goes on where it stopped. Words such as
``colocalc.lease`` or ``colocalc.mfu.step`` choose a package or a module. ``mutmut show NAME`` prints a survivor.

Mutated is what stands in functions: numbers, operators, comparisons, arguments, assignments. Not mutated are docstrings,
annotations, module constants, ``__all__`` and the lines that ``do_not_mutate_patterns`` names.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

try:
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.stats import status_by_exit_code
    from mutmut.utils.file_utils import walk_mutatable_files
    from mutmut.utils.format_utils import get_mutant_name
except ImportError:
    sys.exit("mutmut is not installed: pip install -e '.[mutation]'")

SEEN = ("killed", "timeout")  # a mutant that never ends does not pass either


@dataclass(frozen=True)
class Module:
    """A module's mutants, and those of them that are run."""

    path: Path
    mutants: list[str]
    drawn: list[str]

    @property
    def title(self) -> str:
        return ".".join(self.path.with_suffix("").parts)

    @property
    def package(self) -> str:
        return ".".join(self.path.parts[:2]) if len(self.path.parts) > 2 else "colocalc"

    def outcomes(self) -> Counter[str]:
        codes = json.loads((Path("mutants") / f"{self.path}.meta").read_text())["exit_code_by_key"]
        return Counter(status_by_exit_code[codes[name]] for name in self.drawn)

    def survivors(self) -> list[str]:
        codes = json.loads((Path("mutants") / f"{self.path}.meta").read_text())["exit_code_by_key"]
        return [name for name in self.drawn if status_by_exit_code[codes[name]] not in SEEN]


def modules(words: list[str], sample: int | None, seed: int) -> Iterator[Module]:
    """The kernels that the words choose, each with its mutants; the draw of a module depends on no other."""
    for path in sorted(walk_mutatable_files()):
        found = mutate_file_contents(str(path), path.read_text(encoding="utf-8")).mutant_names
        names = [get_mutant_name(path, name) for name in found]
        count = len(names) if sample is None else min(sample, len(names))
        module = Module(path, names, random.Random(f"{seed} {path}").sample(names, count))  # noqa: S311
        if names and (not words or any(f"{module.title}.".startswith(f"{word}.") for word in words)):
            yield module


def row(title: str, chosen: list[Module]) -> str:
    """Counts, share killed, and the standard error of that share: a stratified draw without replacement."""
    counts = sum((module.outcomes() for module in chosen), Counter())
    of_all = sum(len(module.mutants) for module in chosen)
    share = variance = 0.0
    for module in chosen:
        drawn, whole = len(module.drawn), len(module.mutants)
        killed = sum(module.outcomes()[outcome] for outcome in SEEN) / drawn
        share += killed * whole / of_all
        variance += (whole / of_all) ** 2 * killed * (1 - killed) / max(drawn - 1, 1) * (1 - drawn / whole)
    other = counts.total() - sum(counts[outcome] for outcome in (*SEEN, "survived"))
    numbers = (of_all, counts.total(), counts["killed"], counts["timeout"], counts["survived"], other)
    return f"{title:34}" + "".join(f"{number:9}" for number in numbers) + f"{share:8.1%} ± {variance**0.5:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="MODULE", help="packages or modules; all kernels without one")
    parser.add_argument("--sample", type=int, help="mutants drawn of each module; all without it")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--workers", type=int, default=1, help="mutants run at the same time")
    parser.add_argument("--again", action="store_true", help="print the figures of the last run")
    options = parser.parse_args()
    chosen = list(modules(options.words, options.sample, options.seed))
    names = [] if options.sample is None and not options.words else [name for module in chosen for name in module.drawn]
    if not options.again:
        mutmut = shutil.which("mutmut", path=str(Path(sys.executable).parent)) or "mutmut"
        command = [mutmut, "run", "--max-children", str(options.workers), *names]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    print(f"{'':34}{'mutants':>9}{'run':>9}{'killed':>9}{'timeout':>9}{'survived':>9}{'other':>9}{'share':>8}")
    packages: dict[str, list[Module]] = {}
    for module in chosen:
        packages.setdefault(module.package, []).append(module)
        print(row(module.title, [module]))
    for package, parts in packages.items():
        print(row(f"all of {package}", parts))
    print(row("all", chosen))
    print("\nnot killed:", *(name for module in chosen for name in module.survivors()), sep="\n  ")


if __name__ == "__main__":
    main()
