"""Routes, keys and webhooks of the local host."""

from pathlib import Path

import pytest

from tests.integration.localhost_host.sample import Sample


def test_a_function_gets_route_query_body_and_context(sample: Sample) -> None:
    answer = sample.post("/api/greet/Ada?x=1", sample.host.function_key, data="hello")
    assert answer.status_code == 200
    assert answer.json() == {"name": "Ada", "params": {"x": "1"}, "body": "hello", "function": "greet"}
    assert answer.headers["x-sample"] == "yes"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/public", None, 200),
        ("/api/greet/x", None, 401),
        ("/api/greet/x", "wrong", 401),
        ("/api/greet/x", "function", 200),
        ("/api/greet/x", "master", 200),
        ("/api/admin-only", "function", 401),
        ("/api/admin-only", "master", 200),
        ("/runtime/webhooks/durabletask/instances", None, 401),
        ("/runtime/webhooks/durabletask/instances", "function", 401),
        ("/runtime/webhooks/durabletask/instances", "master", 200),
        ("/durabletask/instances/", "master", 404),
        ("/api/nowhere", "master", 404),
    ],
)
def test_each_level_opens_for_its_key_and_the_master_key(
    sample: Sample, path: str, key: str | None, status: int
) -> None:
    keys = {"function": sample.host.function_key, "master": sample.host.master_key}
    assert sample.get(path, keys.get(key, key) if key else None).status_code == status


def test_the_key_may_be_in_the_query(sample: Sample) -> None:
    assert sample.get(f"/api/greet/x?code={sample.host.function_key}").status_code == 200


def test_a_method_that_a_route_does_not_have_is_not_found(sample: Sample) -> None:
    assert sample.post("/api/public").status_code == 404


def test_a_failing_function_answers_500_and_only_the_log_says_why(sample: Sample) -> None:
    answer = sample.get("/api/broken")
    assert (answer.status_code, answer.text) == (500, "")
    assert "the secret reason" in sample.host.log_text()


def test_what_a_function_logs_carries_its_name(sample: Sample) -> None:
    sample.get("/api/greet/Grace", sample.host.function_key)
    line = next(line for line in sample.host.log_text().splitlines() if "greeting Grace" in line)
    assert '"function": "greet"' in line


def test_no_key_is_in_the_log(sample: Sample) -> None:
    sample.get(f"/api/greet/x?code={sample.host.function_key}")
    sample.get(f"/api/admin-only?code={sample.host.master_key}")
    links = sample.start("chain", 1)
    assert sample.get(links["statusQueryGetUri"].removeprefix(sample.host.url)).status_code in (200, 202)
    log = sample.host.log_text()
    durable_key = links["statusQueryGetUri"].rpartition("code=")[2]
    assert not [key for key in (sample.host.function_key, sample.host.master_key, durable_key) if key in log]


def test_keys_are_readable_by_their_owner_only_and_stay_the_same(own_sample: Sample, tmp_path: Path) -> None:
    with own_sample.host as host:
        before = (host.function_key, host.master_key)
    assert (tmp_path / "state" / "keys.json").stat().st_mode & 0o777 == 0o600
    assert before == (own_sample.host.function_key, own_sample.host.master_key)
