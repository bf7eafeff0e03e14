"""Secrets with their versions, kept in one JSON file that is replaced as a whole."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass
class SecretVersion:
    """One value a secret had; times in seconds since 1970."""

    value: str = field(repr=False)
    content_type: str | None = None
    enabled: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    version: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: int = field(default_factory=lambda: int(time.time()))
    updated: int = field(default_factory=lambda: int(time.time()))


class SecretStore:
    """Active and deleted secrets by lower-case name, each a list of versions, oldest first. Safe across threads."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        content = json.loads(file.read_text()) if file.exists() else {"active": {}, "deleted": {}}
        self.active, self.deleted = (
            {name: [SecretVersion(**version) for version in versions] for name, versions in content[state].items()}
            for state in ("active", "deleted")
        )

    def add(self, name: str, version: SecretVersion) -> None:
        """Make `version` the newest one of the secret."""
        with self._lock:
            self.active.setdefault(name.lower(), []).append(version)
            self._save()

    def change(self, version: SecretVersion, changes: Mapping[str, object]) -> None:
        """Set the given fields of a version that is in the store."""
        with self._lock:
            for field_name, value in changes.items():
                setattr(version, field_name, value)
            version.updated = int(time.time())
            self._save()

    def delete(self, name: str) -> None:
        """Move a secret to the deleted ones. Raises KeyError."""
        with self._lock:
            self.deleted[name.lower()] = self.active.pop(name.lower())
            self._save()

    def _save(self) -> None:
        new = self._file.with_suffix(".new")
        new.touch(mode=0o600)
        states = {"active": self.active, "deleted": self.deleted}
        new.write_text(
            json.dumps(
                {state: {n: [asdict(v) for v in vs] for n, vs in secrets.items()} for state, secrets in states.items()}
            )
        )
        new.replace(self._file)
