"""The host's keys: made once per state folder, kept in a file that only its owner may read, never logged."""

import hmac
import json
import os
import secrets
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True, repr=False)
class Keys:
    """What opens what.

    Attributes:
        reader: Function-level routes of GET alone: in Azure a key of each of those functions, with one value.
        function: Every function-level route: in Azure a key of the app.
        durable: The Durable webhooks: in Azure the system key `durabletask_extension`.
        blobs: The webhook of blob triggers: in Azure the system key `blobs_extension`.
        master: Everything.
    """

    reader: str
    function: str
    durable: str
    blobs: str
    master: str

    def allows(self, auth_level: str, key: str | None) -> bool:
        """Whether `key` opens something of this level: anonymous, reading, function, durable, blobs or admin."""
        if auth_level == "anonymous":
            return True
        accepted = {
            "reading": (self.reader, self.function, self.master),
            "function": (self.function, self.master),
            "durable": (self.durable, self.master),
            "blobs": (self.blobs, self.master),
        }
        return key is not None and any(
            hmac.compare_digest(key.encode(), valid.encode()) for valid in accepted.get(auth_level, (self.master,))
        )


def load_keys(state_folder: Path) -> Keys:
    """Read `keys.json` of the state folder, making first what it does not have (mode 0600)."""
    path = state_folder / "keys.json"
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    missing = {field.name for field in fields(Keys)} - known.keys()
    if missing:
        known |= {name: secrets.token_urlsafe(32) for name in missing}
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(known, file)
        draft.replace(path)
    return Keys(**known)
