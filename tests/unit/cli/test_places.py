"""Run folders, the link to the last run, and the records of what is running."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jennie_cli import places
from jennie_cli.errors import UserError
from jennie_cli.places import RunFolder, RunningStack

NOW = datetime(2025, 6, 27, 10, 0, tzinfo=UTC)


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose command line names the folder, as supervisord's does."""
    child = subprocess.Popen(
        [sys.executable, "-c", "input()", str(tmp_path / "home" / "x.conf")], stdin=subprocess.PIPE
    )
    yield child
    child.kill()
    child.wait()


def record(home: Path, pid: int) -> RunningStack:
    return RunningStack(
        home=home, mode="rehearsal", port_base=0, supervisor_pid=pid, started_at=NOW, purpose="rehearsal"
    )


def test_a_run_folder_is_private_and_complete(tmp_path: Path) -> None:
    folder = places.new_rehearsal(tmp_path, NOW)
    assert stat.S_IMODE(folder.home.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.secrets.stat().st_mode) == 0o700
    assert folder.exchange.is_dir()
    assert folder.logs.is_dir()


def test_a_place_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "rehearsal").write_text("in the way")
    with pytest.raises(UserError, match="JENNIE_VAR_DIR"):
        places.new_rehearsal(tmp_path, NOW)


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MIN_FREE_BYTES", 1 << 62)
    with pytest.raises(UserError, match="MB free, a run needs"):
        places.new_rehearsal(tmp_path, NOW)
    assert list((tmp_path / "rehearsal" / "runs").iterdir()) == []


def test_latest_points_at_the_last_finished_run(tmp_path: Path) -> None:
    assert places.latest(tmp_path) is None
    for minutes in (0, 1):
        folder = places.new_rehearsal(tmp_path, NOW + timedelta(minutes=minutes))
        link = places.publish_latest(tmp_path, folder)
        assert places.latest(tmp_path) == folder
    assert not os.path.isabs(os.readlink(link)), "the folder may be moved"


def test_old_runs_go_but_never_a_running_one(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    folders = []
    for minutes in range(places.KEEP_RUNS + 3):
        folder = places.new_rehearsal(tmp_path, NOW + timedelta(minutes=minutes))
        os.utime(folder.home, (minutes, minutes))
        folders.append(folder)
    (tmp_path / "home").symlink_to(folders[0].home)
    running = record(folders[0].home, process.pid)
    places.record_running(tmp_path, running)
    assert not running.is_alive, "the command line names another folder"
    places.publish_latest(tmp_path, folders[-1])
    assert [folder.home.exists() for folder in folders] == [False] * 3 + [True] * places.KEEP_RUNS


def test_a_running_stack_is_found_and_forgotten(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    stack = record(tmp_path / "home", process.pid)
    places.record_running(tmp_path, stack)
    assert places.running_stacks(tmp_path) == [stack]
    places.forget_running(tmp_path, process.pid)
    assert places.running_stacks(tmp_path) == []


def test_the_record_of_a_dead_stack_is_dropped(tmp_path: Path, process: subprocess.Popen[bytes]) -> None:
    places.record_running(tmp_path, record(tmp_path / "home", process.pid))
    process.kill()
    process.wait()
    assert places.running_stacks(tmp_path) == []
    assert list((tmp_path / "running").iterdir()) == []


def test_a_process_that_only_has_the_old_number_is_not_ours(tmp_path: Path) -> None:
    """`jennie down` after a reboot must not end a stranger."""
    places.record_running(tmp_path, record(tmp_path / "elsewhere", os.getpid()))
    assert places.running_stacks(tmp_path) == []


def test_a_half_written_record_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "running").mkdir()
    (tmp_path / "running" / "1.json").write_text('{"home": ')
    assert places.running_stacks(tmp_path) == []


@pytest.mark.parametrize(("length", "fits"), [(20, True), (120, False)])
def test_a_long_folder_name_does_not_fit_a_socket(length: int, fits: bool) -> None:
    assert RunFolder(Path("/" + "x" * length)).fits_unix_sockets() is fits


def test_two_rehearsals_of_the_same_second_get_folders_of_their_own(tmp_path: Path) -> None:
    first, second, third = (places.new_rehearsal(tmp_path, NOW) for _ in range(3))
    assert len({first.home, second.home, third.home}) == 3
    assert first.home.stat().st_mode & 0o777 == 0o700


def test_a_path_too_long_for_a_database_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="shorter path"):
        places.new_rehearsal(tmp_path / ("x" * 200) / ("y" * 200), NOW)
    assert list(tmp_path.iterdir()) == []
