"""Folders that are filled once, and folders that another user can read."""

from __future__ import annotations

import pwd
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localhost.services import unprivileged
from localhost.services.cache import cached_folder
from localhost.services.unprivileged import readable_copy


def test_a_cached_folder_is_filled_once_however_many_ask(tmp_path: Path) -> None:
    fills: list[Path] = []
    together = threading.Barrier(4)

    def fill(folder: Path) -> None:
        fills.append(folder)
        (folder / "file").write_text("content")

    def ask(_: int) -> str:
        together.wait()
        return (cached_folder("name", fill, cache=tmp_path) / "file").read_text()

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == ["content"] * 4
    assert len(fills) == 1


def test_a_download_that_fails_leaves_nothing_and_is_made_again(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise ConnectionError("lost")

    with pytest.raises(ConnectionError):
        cached_folder("name", fail, cache=tmp_path)
    (tmp_path / "name-incomplete-killed").mkdir()
    folder = cached_folder("name", lambda folder: (folder / "whole").touch(), cache=tmp_path)
    assert [file.name for file in folder.iterdir()] == ["whole"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["name", "name.lock"]


def test_programs_that_only_root_can_reach_are_copied_for_the_other_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unprivileged, "_SYSTEM_FOLDER", tmp_path / "system")
    program = tmp_path / "private" / "package" / "bin" / "program"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o700)
    program.with_name("data").touch(mode=0o600)
    (tmp_path / "private").chmod(0o700)
    for _ in range(2):
        place = readable_copy([tmp_path / "private" / "package"], "copy", pwd.getpwnam("nobody"))
    assert place == tmp_path / "system" / "copy"
    modes = {path.name: path.stat().st_mode & 0o055 for path in place.rglob("*")}
    assert modes == {"package": 0o055, "bin": 0o055, "program": 0o055, "data": 0o044}
    assert len(list(place.parent.iterdir())) == 1


def test_programs_stay_where_they_are_when_no_other_user_runs_them(tmp_path: Path) -> None:
    assert readable_copy([tmp_path / "package"], "copy", None) == tmp_path
