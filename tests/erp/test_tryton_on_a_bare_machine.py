"""What is said, and done, where PostgreSQL or the module is not there."""

from __future__ import annotations

import os
import stat
import subprocess

import pytest

from tieout.streams.operate.cli.exits import Exit
from tieout.streams.operate.tryton import install, postgresql
from tieout.streams.operate.tryton.errors import InstallError, PostgresqlMissingError

PROGRAMS = ("initdb", "postgres", "pg_isready", "createdb")


@pytest.fixture
def bare(monkeypatch, tmp_path):
    """A machine without PostgreSQL: a PATH of its own, to which a test adds programs by ``install(name, script)``."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "DEBIAN_FOLDER", tmp_path / "none")

    def add(name, script="exit 0"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    add("sudo", 'shift; exec "$@"')
    return add


def test_postgresql_on_the_path_is_taken(bare, tmp_path):
    for name in PROGRAMS:
        bare(name)
    bare("apt-get", f"touch {tmp_path}/asked; exit 1")
    assert postgresql.find_or_install() == tmp_path
    assert not (tmp_path / "asked").exists()


def test_postgresql_in_debians_place_is_taken_by_its_newest_version(bare, monkeypatch, tmp_path):
    for version in ("9", "15", "17"):
        programs = tmp_path / "debian" / version / "bin"
        programs.mkdir(parents=True)
        for name in PROGRAMS[: 3 if version == "17" else 4]:
            (programs / name).touch()
    monkeypatch.setattr(postgresql, "DEBIAN_FOLDER", tmp_path / "debian")
    assert postgresql.find_or_install() == tmp_path / "debian" / "15" / "bin"


def test_postgresql_is_installed_where_there_is_none(bare, tmp_path):
    made = "; ".join(f"echo > {tmp_path}/{name}; /bin/chmod +x {tmp_path}/{name}" for name in PROGRAMS)
    bare("apt-get", f'echo "$@" >> {tmp_path}/asked; if [ "$1" = install ]; then {made}; fi')
    assert postgresql.find_or_install() == tmp_path
    assert (tmp_path / "asked").read_text().splitlines() == [
        "update -qq",
        "install -qq -y --no-install-recommends postgresql",
    ]


def test_where_it_cannot_be_installed_the_reason_and_the_way_out_are_told(bare):
    with pytest.raises(PostgresqlMissingError, match=r"there is no apt-get(.|\n)*apt-get install postgresql"):
        postgresql.find_or_install()
    bare("apt-get", "echo no network here >&2; exit 100")
    with pytest.raises(PostgresqlMissingError, match="no network here") as refused:
        postgresql.find_or_install()
    assert refused.value.exit_code == Exit.CONFIG


def test_a_module_that_is_not_there_is_named_with_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv(install.MODULE_ENV, str(tmp_path))
    with pytest.raises(InstallError, match=f"{tmp_path}(.|\n)*{install.MODULE_ENV}"):
        install.ensure(tmp_path / "cache")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.erp
@pytest.mark.full
def test_sqlite_is_refused_in_plain_words(tryton, tmp_path):
    (tmp_path / "erp.sqlite").touch()
    configuration, password = tmp_path / "trytond.conf", tmp_path / "password"
    configuration.write_text(f"[database]\nuri = sqlite://\npath = {tmp_path}\n")
    password.write_text("a-password-of-tests")
    modules = ["-u", "tieout", "--activate-dependencies", "--email", "admin@example.com"]
    refused = subprocess.run(
        [install.ensure().program("trytond-admin"), "-c", str(configuration), "-d", "erp", *modules],
        env={**os.environ, "TRYTONPASSFILE": str(password)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "The module tieout works on PostgreSQL only, not on sqlite" in refused.stderr
