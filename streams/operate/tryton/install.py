"""Tryton's own virtual environment, in the cache directory: pinned packages and our module.

Invariant: Tryton and its module (GPL) never share an environment with tieout, which talks to them over HTTP; an environment
is named by the digest of what is in it, and is used only when its installation came to its end.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

from tieout.streams.operate.broker.jars import cache_directory
from tieout.streams.operate.tryton.errors import InstallError

MODULE_ENV = "TIEOUT_TRYTON_MODULE"
"""Folder of the module trytond-tieout, where it is not beside this checkout."""

_REQUIREMENTS = files("tieout.streams.operate.tryton").joinpath("requirements.txt")
_PIP_SECONDS_MAX = 900


@dataclass(frozen=True, slots=True)
class Environment:
    """An installed environment; filled databases lie beside it."""

    home: Path

    def program(self, name: str) -> str:
        """Path of an installed command."""
        return str(self.home / "venv" / "bin" / name)


def ensure(cache_root: Path | None = None) -> Environment:
    """The environment, installed first where it is missing; takes half a minute then. Raises InstallError."""
    module = module_folder()
    home = (cache_root or cache_directory()) / "tryton" / _digest(module)
    with exclusive(home):
        if not (home / "installed").exists():
            _install(home, module)
    return Environment(home)


def module_folder() -> Path:
    """Where the module's source is. Raises InstallError."""
    named = os.environ.get(MODULE_ENV)
    folder = Path(named) if named else Path(__file__).resolve().parents[3] / "erp" / "trytond_tieout"
    if (folder / "pyproject.toml").is_file():
        return folder
    raise InstallError(
        "the Tryton module trytond-tieout is not there: it is a package of its own, under its own licence",
        where=folder,
        next_step=f"start from a checkout of tieout, or name the folder erp/trytond_tieout of one in {MODULE_ENV}",
    )


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Only one process at a time makes something in ``home``; the others wait and find it made."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _install(home: Path, module: Path) -> None:
    shutil.rmtree(home / "venv", ignore_errors=True)
    shutil.rmtree(home / "module", ignore_errors=True)
    # pip builds inside the folder that it is given: the checkout stays clean.
    shutil.copytree(
        module, home / "module", ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__")
    )
    venv.create(home / "venv", with_pip=True)
    requirements = home / "requirements.txt"
    requirements.write_text(_REQUIREMENTS.read_text("utf-8"), "utf-8")
    pip = [str(home / "venv" / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
    packages = ["--requirement", str(requirements), f"{home / 'module'}[fill]"]
    try:
        done = subprocess.run(
            [*pip, *packages], capture_output=True, text=True, timeout=_PIP_SECONDS_MAX, check=False
        )
        said = done.stderr.strip() if done.returncode else None
    except subprocess.TimeoutExpired:
        said = f"pip did not end within {_PIP_SECONDS_MAX} s"
    if said is not None:
        raise InstallError(
            f"Tryton could not be installed: {said[-2000:]}",
            where=home / "venv",
            next_step="connect to the network once; what is installed already is kept and not fetched again",
        )
    (home / "installed").touch()


def _digest(module: Path) -> str:
    digest = blake2b(_REQUIREMENTS.read_bytes(), digest_size=8)
    digest.update(f"{sys.version_info[:3]}{sys.base_prefix}".encode())
    sources = [module / "pyproject.toml", *(module / "trytond_tieout").iterdir()]
    for path in sorted(path for path in sources if path.suffix in {".py", ".xml", ".cfg", ".toml"}):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
