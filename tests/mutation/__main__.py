"""Mutation testing of the kernels: which small changes of them does no test of theirs notice?

``python -m tests.mutation --sample 7 --seed 4``, with ``pip install -e '.[mutation]'``, draws so many mutants of either
kind from each module, runs on each the tests that reach the changed function (of those listed under ``tool.mutmut`` in
``pyproject.toml``), and prints the share killed per module, per package and in total, with its standard error. Without
``--sample`` every mutant is run, which takes hours; a run of all that was cut goes on where it stopped. Words such as
``colocalc.lease`` or ``colocalc.mfu.step`` choose a package or a module. ``mutmut show NAME`` prints a survivor.

Mutated is what stands in functions. Of one kind are mutants that change a number, an operator, a comparison, a keyword
or a word; of the other those that take an argument or a value away, most of which break a kernel at once. The last line
is of the first kind alone: the sterner figure. Docstrings, annotations, module constants and ``__all__`` stay as they are.
Mutants that change no result count as survivors: the fill of a guarded denominator, ``<`` for ``<=`` where both sides
agree, a default spelled out, one more iteration, what is made at import.
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
    import libcst as cst
    from mutmut.mutation.file_mutation import create_mutations
    from mutmut.mutation.trampoline_templates import mangle_function_name
    from mutmut.stats import status_by_exit_code
    from mutmut.utils.file_utils import walk_mutatable_files
    from mutmut.utils.format_utils import get_mutant_name
except ImportError:
    sys.exit("mutmut is not installed: pip install -e '.[mutation]'")

LOG = Path("mutants") / "log.txt"
KILLED = ("killed", "timeout")  # a mutant that never ends does not pass either
COLUMNS = ("mutants", "run", "killed", "timeout", "survived", "other", "share")


@dataclass(frozen=True)
class Stratum:
    """The mutants of a module that are of one kind, and those of them that are run."""

    path: Path
    takes_away: bool
    mutants: list[str]
    drawn: list[str]

    @property
    def module(self) -> str:
        return ".".join(self.path.with_suffix("").parts)

    @property
    def package(self) -> str:
        return ".".join(self.path.parts[:2]) if len(self.path.parts) > 2 else "colocalc"

    def outcomes(self) -> dict[str, str]:
        """What became of those that have been run."""
        found = Path("mutants") / f"{self.path}.meta"
        codes = json.loads(found.read_text())["exit_code_by_key"] if found.exists() else {}
        return {name: status_by_exit_code[codes[name]] for name in self.drawn if codes.get(name) is not None}


def strata(words: list[str], sample: int | None, seed: int) -> Iterator[Stratum]:
    """Both kinds of each module that the words choose; no draw depends on another module."""
    for path in sorted(walk_mutatable_files()):
        whole = Stratum(path, takes_away=False, mutants=[], drawn=[])
        if words and not any(f"{whole.module}.".startswith(f"{word}.") for word in words):
            continue
        mutants = list(_mutants(path))
        for kind in (False, True):
            names = [name for name, takes_away in mutants if takes_away == kind]
            count = len(names) if sample is None else min(sample, len(names))
            drawn = random.Random(f"{seed} {path} {kind}").sample(names, count)  # noqa: S311
            if names:
                yield Stratum(path, kind, names, drawn)


def _mutants(path: Path) -> Iterator[tuple[str, bool]]:
    """The name of each mutant of a module, and whether it takes an argument or a value away."""
    module, mutations, *_ = create_mutations(str(path), path.read_text(encoding="utf-8"))
    titles = dict(_functions(module))
    counts: Counter[str] = Counter()
    for mutation in mutations:
        if title := titles.get(mutation.contained_by_top_level_function):
            counts[title] += 1
            takes_away = isinstance(mutation.original_node, cst.Call | cst.Assign | cst.AnnAssign | cst.Lambda)
            yield get_mutant_name(path, f"{title}__mutmut_{counts[title]}"), takes_away


def _functions(module: cst.Module) -> Iterator[tuple[cst.CSTNode, str]]:
    """Every function and method of a module under the name that its mutants begin with."""
    for outer in module.body:
        name = outer.name.value if isinstance(outer, cst.ClassDef) else None
        for one in outer.body.body if name else [outer]:
            if isinstance(one, cst.FunctionDef):
                yield one, mangle_function_name(name=one.name.value, class_name=name)


def row(title: str, parts: list[Stratum]) -> str:
    """Counts, the share killed, and the standard error of that share: a stratified draw without replacement."""
    counts: Counter[str] = Counter()
    run = [(len(part.mutants), Counter(part.outcomes().values())) for part in parts if part.outcomes()]
    whole = sum(mutants for mutants, _ in run)
    share = variance = 0.0
    for mutants, outcomes in run:
        counts += outcomes
        drawn = outcomes.total()
        killed, weight = sum(outcomes[outcome] for outcome in KILLED) / drawn, mutants / whole
        share += weight * killed
        variance += weight**2 * killed * (1.0 - killed) / max(drawn - 1, 1) * (1.0 - drawn / mutants)
    named = [counts[outcome] for outcome in (*KILLED, "survived")]
    numbers = (whole, counts.total(), *named, counts.total() - sum(named))
    return f"{title:34}" + "".join(f"{number:9}" for number in numbers) + f"{share:9.1%} ± {variance**0.5:.1%}"


def report(chosen: list[Stratum]) -> None:
    print(f"{'':34}" + "".join(f"{column:>9}" for column in COLUMNS))
    for title in dict.fromkeys(part.module for part in chosen):
        print(row(title, [part for part in chosen if part.module == title]))
    for title in dict.fromkeys(part.package for part in chosen):
        print(row(f"all of {title}", [part for part in chosen if part.package == title]))
    print(row("all", chosen))
    print(row("all that take nothing away", [part for part in chosen if not part.takes_away]))
    for part in chosen:
        for name, outcome in part.outcomes().items():
            if outcome not in KILLED:
                print(outcome, name)


def run(arguments: list[str]) -> None:
    mutmut = shutil.which("mutmut", path=str(Path(sys.executable).parent)) or "mutmut"
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("w") as log:
        ended = subprocess.run([mutmut, "run", *arguments], stdout=log, stderr=log, check=False)
    if ended.returncode:
        sys.exit(f"mutmut could not run; the end of {LOG}:\n{LOG.read_text()[-2_000:]}")


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m tests.mutation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("words", nargs="*", metavar="MODULE", help="packages or modules; all kernels without one")
    parser.add_argument("--sample", type=int, help="mutants drawn of either kind from each module; all without it")
    parser.add_argument("--seed", type=int, default=1, help="of the draw")
    parser.add_argument("--workers", type=int, default=1, help="mutants run at the same time")
    parser.add_argument("--again", action="store_true", help="print the figures of what has been run")
    options = parser.parse_args()
    if options.sample is not None and options.sample < 1:
        parser.error("--sample: at least 1")
    chosen = list(strata(options.words, options.sample, options.seed))
    if not chosen:
        parser.error(f"no kernel in {', '.join(options.words)}")
    everything = options.sample is None and not options.words
    names = [] if everything else [name for part in chosen for name in part.drawn]
    if not options.again:
        run(["--max-children", str(options.workers), *names])
    report(chosen)


if __name__ == "__main__":
    main()
