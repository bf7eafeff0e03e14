"""The host's keys: made once per state folder, kept in a file that only its owner may read, never logged."""

import hmac
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, repr=False)
class Keys:
    """`function` opens function-level routes, `durable` the Durable webhooks, `master` everything."""

    function: str
    durable: str
    master: str

    def allows(self, auth_level: str, key: str | None) -> bool:
        """Whether `key` opens something of this level: anonymous, function, durable or admin."""
        if auth_level == "anonymous":
            return True
        accepted = {"function": (self.function, self.master), "durable": (self.durable, self.master)}
        return key is not None and any(
            hmac.compare_digest(key.encode(), valid.encode()) for valid in accepted.get(auth_level, (self.master,))
        )


def load_keys(state_folder: Path) -> Keys:
    """Read `keys.json` of the state folder, making it first where it does not exist (mode 0600)."""
    path = state_folder / "keys.json"
    if not path.exists():
        keys = Keys(*(secrets.token_urlsafe(32) for _ in range(3)))
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(keys), file)
        draft.replace(path)
    return Keys(**json.loads(path.read_text()))
