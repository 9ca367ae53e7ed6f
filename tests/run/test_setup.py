"""Setting up: quick when there is nothing to do, and a sentence when it cannot be done."""

import socket
import time
from pathlib import Path

import pytest

from run import environment, locks, ports, setup, steps
from run.problem import Problem
from tests.run.conftest import Start


def test_a_taken_port_ends_the_start_at_once_with_a_sentence(tmp_path: Path, start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        begun = time.monotonic()
        process = start("-m", "run.setup", "serve", PORT=str(port), SHOP_HOME=str(tmp_path / "home"))
        output, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert f"Port {port} is already in use" in errors
    assert output == ""
    assert time.monotonic() - begun < 10
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("port", ["0", "65536", "80a", "-1", "٨٠٨٠", "1e3"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(Problem, match="is not a port"):
        ports.demand(port)


def test_a_second_run_in_the_same_home_is_refused(tmp_path: Path, start: Start) -> None:
    environment.record_run(tmp_path, {"BASE_URL": "http://127.0.0.1:8765"})
    lock = locks.open_lock(environment.run_lock(tmp_path))
    assert locks.try_exclusive(lock)
    for module in ("run.setup", "run"):
        process = start("-m", module, "serve", PORT=str(ports.pick()), SHOP_HOME=str(tmp_path))
        errors = process.communicate(timeout=20)[1]
        assert process.returncode == 1
        assert f"{tmp_path} already serves a shop (http://127.0.0.1:8765)" in errors


def test_an_installed_project_is_ready_at_once_and_in_silence(tmp_path: Path, start: Start) -> None:
    begun = time.monotonic()
    process = start("-m", "run.setup", "packages", SHOP_HOME=str(tmp_path))
    assert process.communicate(timeout=20) == ("", "")
    assert process.returncode == 0
    assert time.monotonic() - begun < 10


def test_a_linked_environment_is_replaced_and_not_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "kept").touch()
    (tmp_path / ".venv").symlink_to(tmp_path / "theirs")
    monkeypatch.setattr(setup, "VENV", tmp_path / ".venv")
    setup._make_venv()
    assert (tmp_path / ".venv" / "bin" / "python").exists()
    assert [path.name for path in (tmp_path / "theirs").iterdir()] == ["kept"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("Failed to establish a new connection: Name or service not known", "the network does not answer"),
        ("npm error code EACCES", "this user may not write"),
        ("something else", "the last lines say why"),
    ],
)
def test_a_failing_installer_is_explained(tmp_path: Path, said: str, sentence: str) -> None:
    command = ["/bin/sh", "-c", f"echo '{said}' >&2; exit 3"]
    with pytest.raises(Problem) as caught:
        steps.run_silently(command, failure="It failed", home=tmp_path, folder=tmp_path)
    assert sentence in str(caught.value)
    assert said in str(caught.value)
    assert str(tmp_path / "logs" / "setup.log") in str(caught.value)


def test_what_a_command_prints_is_returned_and_not_shown(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    said = steps.run_silently(["/bin/echo", "hello"], failure="No", home=tmp_path, folder=tmp_path)
    assert said == "hello\n"
    assert capfd.readouterr() == ("", "")


def test_a_step_says_what_and_how_long(capfd: pytest.CaptureFixture[str]) -> None:
    steps.step("Doing it", lambda: None)
    assert capfd.readouterr() == ("", "· Doing it … 0.0 s\n")
