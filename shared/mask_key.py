"""The key of hashed columns: one for the app, from Key Vault or the local file of secrets."""

from __future__ import annotations

import hmac

from shared.errors.hierarchy import ConfigurationError, SecretNotFoundError
from shared.jobs.masks import needs_key
from shared.models.job import Job
from shared.secrets import MASK_PREFIX, Secret, secret_stores
from shared.settings import settings

_SHORTEST = 32  # characters
_VERSION_CHARACTERS = 12


class MaskKey:
    """The key by which columns are hashed; it prints its version and nothing else."""

    def __init__(self, text: str) -> None:
        self.text = text

    @property
    def version(self) -> str:
        """Names the key without giving it away: equal for equal keys, wherever they are kept."""
        return hmac.digest(self.text.encode(), b"version of a mask key", "sha256").hex()[:_VERSION_CHARACTERS]

    def __repr__(self) -> str:
        return f"MaskKey(version={self.version})"


def mask_key_for(job: Job, secret: Secret) -> MaskKey | None:
    """The key for the hashes of a job, None if it hashes nothing; all jobs have the same one, so that hashes join.

    Args:
        job: The job.
        secret: The connection of its source, which takes the key out of texts from now on, too.

    Raises:
        SecretNotFoundError: no place has it; the message lists every place that was looked up.
        ConfigurationError: what was found is no text, or so short that someone could try out all keys.
        TransientError: Key Vault could not be asked just now.
    """
    if not needs_key(job):
        return None
    name, stores = settings().mask_key, secret_stores(MASK_PREFIX)
    for store in stores:
        if (found := store.get(name)) is not None:
            text = found.strip() if isinstance(found, str) else ""
            if len(text) < _SHORTEST:
                raise ConfigurationError(
                    f"{store.places([name])[0]} is no key for masked_columns: it must be a text of at least "
                    f"{_SHORTEST} random characters, such as `openssl rand -base64 32` prints."
                )
            secret.learn(text)
            return MaskKey(text)
    looked_up = "; ".join(place for store in stores for place in store.places([name]))
    raise SecretNotFoundError(
        f"Job '{job.job_id}': masked_columns hashes a column, and there is no key for it. Looked up: {looked_up}. "
        f"Put a text of at least {_SHORTEST} random characters there, and keep it: with another key every hash is "
        "another one."
    )
