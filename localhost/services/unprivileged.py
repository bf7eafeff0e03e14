"""A user and a place for programs that refuse to run as root.

In a container everything often belongs to root, below folders that no other user may enter. What such a program
reads or writes then is in a system folder that root alone may write to and everyone may enter.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

_SYSTEM_FOLDER = Path("/var/lib/local-services")


def other_user() -> pwd.struct_passwd | None:
    """Return the user to run as: nobody when this process is root's, else None (no change)."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def writable_folder(link: Path, user: pwd.struct_passwd | None) -> Path:
    """Return a folder that belongs to `user`: at `link`, or in the system folder, where `link` then points to."""
    if not link.exists():
        if user is None or _everyone_may_enter(link.parent):
            link.mkdir()
        else:
            link.unlink(missing_ok=True)
            link.symlink_to(tempfile.mkdtemp(dir=_system_folder()))
        if user:
            os.chown(link, user.pw_uid, user.pw_gid)
    return link.resolve()


def readable_copy(folders: list[Path], name: str, user: pwd.struct_passwd | None) -> Path:
    """Return a folder in which `user` can read all `folders`: their parent, or a copy called `name` (made once)."""
    parent = folders[0].parent
    if user is None or all(_everyone_may_enter(folder) for folder in folders):
        return parent
    copy = _system_folder() / name
    if not copy.exists():
        incomplete = Path(tempfile.mkdtemp(dir=copy.parent))
        for folder in folders:
            shutil.copytree(folder, incomplete / folder.name)
        for path in [incomplete, *incomplete.rglob("*")]:
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & stat.S_IXUSR else 0o044))
        try:
            incomplete.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(incomplete)
    return copy


def _everyone_may_enter(folder: Path) -> bool:
    return all(path.stat().st_mode & stat.S_IXOTH for path in [folder, *folder.resolve().parents])


def _system_folder() -> Path:
    _SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
    _SYSTEM_FOLDER.chmod(0o755)
    return _SYSTEM_FOLDER
