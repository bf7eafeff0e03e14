"""The HTTP session of one job: guarded, without cookies, with the connection's headers, certificates and proxy."""

from __future__ import annotations

import logging
import ssl
import tempfile
from collections.abc import Mapping
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import certifi
import requests
from pydantic import SecretStr
from requests.auth import AuthBase
from requests.structures import CaseInsensitiveDict

from shared.errors.hierarchy import ConfigurationError
from shared.models.job import Job
from shared.sources.rest.connection import RestConnection
from shared.sources.rest.decoding import ACCEPTED
from shared.sources.rest.guard import GuardedAdapter

logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)  # at DEBUG it logs addresses with their keys

USER_AGENT = "excel-to-lake"
CONNECT_SECONDS = 15

_ACCEPTED = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv",
    "excel": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}


def open_session(job: Job, connection: RestConnection) -> requests.Session:
    """A session for the API that several threads may use. Raises as `bare_session`."""
    session = bare_session(job, connection, connection.client_cert)
    session.headers.update({"User-Agent": USER_AGENT, "Accept": f"{_ACCEPTED[job.api_response_format]}, */*;q=0.1"})
    session.headers.update(job.api_headers)
    session.headers.update({name: value.get_secret_value() for name, value in connection.headers.items()})
    return session


def bare_session(job: Job, connection: RestConnection, client_cert: SecretStr | None = None) -> requests.Session:
    """A session without the API's headers, for other hosts than the API's; the environment says nothing to it.

    Args:
        job: How many connections stay open.
        connection: Certificates to trust, and the proxy.
        client_cert: The certificate that the client shows.

    Raises:
        ConfigurationError: the secret's ca_bundle or client_cert cannot be used.
    """
    session = requests.Session()
    session.trust_env = False  # neither a .netrc nor a proxy that was not configured
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    trust = _trust(connection, job.source_name)
    if client_cert:
        trust = _with_certificate(trust, client_cert.get_secret_value(), job.source_name)
    adapter = GuardedAdapter(trust, pool_maxsize=job.parallelism)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    if connection.proxy:
        session.proxies = dict.fromkeys(("http", "https"), connection.proxy.get_secret_value())
    session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": ACCEPTED})
    return session


def sent(
    session: requests.Session,
    method: str,
    url: str,
    *,
    params: Mapping[str, str],
    body: Mapping[str, Any] | None,
    headers: Mapping[str, str],
    auth: AuthBase | None,
    timeout: tuple[float, float],
) -> requests.Response:
    """The answer to one request, its body unread: what `Session.request` does of which these sessions have need.

    That merges cookies, hooks and the environment into each request, which costs more than all else of a small page.

    Raises:
        requests.RequestException, urllib3's HTTPError, OSError, ValueError: there is no answer.
    """
    request = requests.PreparedRequest()
    request.prepare(
        method,
        url,
        headers=CaseInsensitiveDict([*session.headers.items(), *headers.items()]),
        params=params,
        json=None if body is None else dict(body),
        auth=auth,
    )
    adapter = session.get_adapter(url)
    return adapter.send(request, stream=True, timeout=timeout, proxies=session.proxies)


def _with_certificate(trust: ssl.SSLContext | None, pem: str, source_name: str) -> ssl.SSLContext:
    """The trusted certificates with the client's own, which OpenSSL reads from a file only."""
    context = trust or ssl.create_default_context(cafile=certifi.where())
    try:
        if "-----BEGIN" not in pem:
            context.load_cert_chain(pem)
            return context
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # only this user may read it
            file.write(pem)
            file.flush()
            context.load_cert_chain(file.name)
            return context
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise ConfigurationError(
            f"The secret of source '{source_name}' has a client_cert that is neither PEM text with certificate and "
            "key nor the path of such a file."
        ) from None


def _trust(connection: RestConnection, source_name: str) -> ssl.SSLContext | None:
    """The certificates of `ca_bundle`, which is a path or the PEM text itself; None for those of requests."""
    bundle = connection.ca_bundle
    if not bundle:
        return None
    try:
        if "-----BEGIN" in bundle:
            return ssl.create_default_context(cadata=bundle)
        return ssl.create_default_context(cafile=str(Path(bundle)))
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        raise ConfigurationError(
            f"The secret of source '{source_name}' has a ca_bundle that is neither PEM text nor the path of a PEM file."
        ) from None
