"""What a failed request means: again in a moment, later, or never until a user fixes something.

requests' own errors hold addresses with all their parameters, so none of their texts is passed on.
"""

from __future__ import annotations

import requests
from urllib3.exceptions import ProtocolError

from shared.errors.hierarchy import ConfigurationError, IngestionError, SourceError
from shared.sources.rest.answer import Answer

_HINTS = {
    202: "it accepted an order and gives the rows later: see api_export",
    207: "it is about several things, of which some may have failed",
    304: "the request did not ask whether anything has changed; correct the cache in front of the API",
    401: "check how the secret signs in",
    403: "its user may not read this",
    404: "check api_endpoint",
}


_REFUSED = 400


class TryAgainError(Exception):
    """A request that may succeed in a moment.

    Args:
        why: Why it did not.
        pause: The seconds that the server asks to wait; 0 if it does not say.
        slows_down: Whether the pause means all requests of the job, and not this one alone.
    """

    def __init__(self, why: str, pause: float = 0.0, slows_down: bool = False) -> None:
        super().__init__(why)
        self.pause = pause
        self.slows_down = slows_down


def refusal(answer: Answer) -> SourceError:
    """The error for an answer that says no."""
    hint = _HINTS.get(answer.status, "check api_endpoint, api_params and api_body")
    said = f" It says: {answer.excerpt()}" if answer.body.strip() else ""
    if answer.status < _REFUSED:
        return SourceError(
            f"{answer.place} answered {answer.status}, which is not a status of an answer with rows; {hint}.{said}"
        )
    return SourceError(f"{answer.place} was refused with status {answer.status}; {hint}.{said}")


def explained(error: Exception, place: str, timeout: float) -> Exception:
    """A failure of the network in our words.

    Args:
        error: What requests or urllib3 raised.
        place: The request.
        timeout: The seconds that it may wait.
    """
    causes = _causes(error)
    if known := next((cause for cause in causes if isinstance(cause, IngestionError)), None):
        return known
    if isinstance(error, requests.exceptions.InvalidHeader) or type(error) in (ValueError, UnicodeEncodeError):
        return ConfigurationError(f"{place} would carry a header with characters that none may hold; check the secret.")
    if isinstance(error, requests.exceptions.SSLError):
        return SourceError(f"{place} shows a certificate that is not trusted; give ca_bundle in the secret.")
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema)):
        return SourceError(f"{place} is not a valid address; check base_url and api_endpoint.")
    if isinstance(error, requests.exceptions.ProxyError):
        return TryAgainError("the proxy of the secret does not let it through")
    if isinstance(error, requests.Timeout) or any("timed out" in str(cause) for cause in causes):
        return TryAgainError(f"no answer within {timeout:g} s")
    if isinstance(error, (requests.exceptions.ChunkedEncodingError, ProtocolError)):
        return TryAgainError("its answer broke off")
    reason = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
    return TryAgainError(f"the connection failed ({reason or type(error).__name__})")


def _causes(error: BaseException) -> list[BaseException]:
    """An error with what it came from and what it carries: urllib3 wraps errors in its arguments."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and not any(one is known for known in found):
            found.append(one)
            waiting += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
    return found
