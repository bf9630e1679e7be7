"""Where what ships lies: the files of the catalog and the sample fleets, in a wheel and in a checkout alike."""

from pathlib import Path


def catalog_dir() -> Path:
    """The folder of the catalog's files."""
    return Path(__file__).parent / "catalog"


def fleets_dir() -> Path:
    """The folder of the sample fleets: inside the package in a wheel, at the top level of a checkout."""
    package = catalog_dir().parent
    installed = package / "_fleets"
    return installed if installed.is_dir() else package.parent / "fleets"


def fleet_names() -> tuple[str, ...]:
    """Names of the sample fleets, in alphabetical order."""
    return stems(fleets_dir())


def stems(folder: Path) -> tuple[str, ...]:
    """Names of the YAML files of a folder without their endings, in alphabetical order."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))
