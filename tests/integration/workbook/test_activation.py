"""What becomes of uploads, against a real blob endpoint."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest
from azure.storage.blob import ContainerClient

from shared.activation import judge
from shared.activation.store import ConfigurationStore
from shared.activation.uploads import Activation, Outcome
from shared.errors.hierarchy import ConfigurationError
from shared.settings import settings
from shared.workbook.validation import validate
from tests.app_process import run_here
from tests.builders import a_workbook
from tests.integration.workbook.conftest import WORKBOOK

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def upload(container: ContainerClient, content: bytes, **metadata: str) -> None:
    container.upload_blob(WORKBOOK, content, overwrite=True, metadata=metadata)


def names(container: ContainerClient, prefix: str) -> list[str]:
    return list(container.list_blob_names(name_starts_with=prefix))


def test_a_run_takes_in_an_upload_that_no_trigger_has_handled(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    upload(container, a_workbook({"job_id": "first"}), uploaded_by="ann@example.com")
    snapshot = store.refresh()
    assert [job.job_id for job in snapshot.configuration.jobs] == ["first"]
    assert snapshot.uploaded_by == "ann@example.com"
    assert snapshot.changes.added == ("first",)
    assert store.read_version(snapshot.version.sha256) == snapshot.configuration


def test_a_run_without_any_workbook_says_where_to_upload_it(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    with pytest.raises(ConfigurationError, match=f"upload the workbook to {container.container_name}/{WORKBOOK}"):
        store.refresh()


def test_a_run_with_only_a_refused_workbook_names_the_first_problem(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    upload(container, a_workbook({"load_type": "INCR"}))
    with pytest.raises(ConfigurationError, match="SourceConfig!F2 load_type: 'INCR' is not one of FULL, INCREMENTAL"):
        store.refresh()


def test_a_refused_upload_leaves_the_last_good_one_active(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    upload(container, a_workbook({"job_id": "good"}))
    good = store.refresh()
    upload(container, a_workbook({"job_id": "bad", "load_type": "INCR"}, {"enabled": "perhaps"}))
    refused = store.activate_uploaded()
    assert refused is not None
    assert refused.outcome is Outcome.REFUSED
    assert refused.active == good.version
    assert store.refresh().version == good.version
    kept = json.loads(container.download_blob(f"{refused.refused_folder}/problems.json").readall())
    assert [problem["cell"] for problem in kept["problems"]] == ["F2", "G3"]


def test_an_emptied_sheet_changes_nothing_until_a_one_off_request_confirms_it(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    jobs = [{"job_id": name} for name in ("a", "b", "c")]
    full = store.activate(a_workbook(*jobs), "1", NOON)
    one_left = a_workbook(jobs[0])
    refused = store.activate(one_left, "2", NOON + timedelta(minutes=1))
    assert (refused.outcome, refused.active) == (Outcome.REFUSED, full.active)
    assert "removes 2 of the 3 active jobs (b, c)" in str(refused.problems[0])
    assert names(container, f"{refused.refused_folder}/annotated.xlsx")
    assert store.check(one_left)[0].problems == refused.problems

    confirmed = a_workbook(jobs[0], requests=[{"request_id": "clear-out", "action": "remove_jobs"}])
    assert store.check(confirmed)[0].problems == ()
    activated = store.activate(confirmed, "3", NOON + timedelta(minutes=2))
    assert activated.outcome is Outcome.ACTIVATED
    active = store.active()
    assert active is not None
    assert [job.job_id for job in active.configuration.jobs] == ["a"]


def test_a_refused_upload_that_is_handled_twice_is_one_refusal(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    upload(container, b"no workbook at all")
    first, second = store.activate_uploaded(), store.activate_uploaded()
    assert first == second
    assert len(names(container, "refused/")) == 2  # problems.json and latest.json


def test_an_upload_that_is_handled_twice_is_one_version(store: ConfigurationStore, container: ContainerClient) -> None:
    content = a_workbook({"job_id": "same"})
    upload(container, content)
    first = store.activate_uploaded()
    upload(container, content)
    second = store.activate_uploaded()
    assert first is not None
    assert second is not None
    assert (first.outcome, second.outcome) == (Outcome.ACTIVATED, Outcome.UNCHANGED)
    assert first.active == second.active
    assert first.at == second.at
    assert len(store.history()) == 1


def test_of_many_uploads_handled_at_once_the_newest_wins_and_all_are_recorded(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    uploads = [
        (a_workbook({"job_id": f"job-{number}"}), f"etag-{number}", NOON + timedelta(seconds=number))
        for number in range(8)
    ]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda item: store.activate(*item), uploads))
    active = store.active()
    assert active is not None
    assert [job.job_id for job in active.configuration.jobs] == ["job-7"]
    assert len({entry.sha256 for entry in store.history()}) == 8


def test_an_older_upload_that_is_handled_late_is_recorded_as_superseded(store: ConfigurationStore) -> None:
    newer = store.activate(a_workbook({"job_id": "newer"}), "2", NOON + timedelta(minutes=1))
    for _ in range(2):
        older = store.activate(a_workbook({"job_id": "older"}), "1", NOON)
        assert older.outcome is Outcome.SUPERSEDED
        assert older.active == newer.active
    assert [(entry.superseded, entry.jobs) for entry in store.history() if entry.sha256 == older.sha256] == [(True, 1)]


def test_histories_of_0_1_0_keep_superseded_versions(store: ConfigurationStore, container: ContainerClient) -> None:
    version = store.activate(a_workbook({"job_id": "old"}), "1", NOON)
    for blob in container.list_blobs("history/", include=["metadata"]):
        if blob.metadata:
            facts = {key: value for key, value in blob.metadata.items() if key != "superseded"} | {"overtaken": "true"}
            container.get_blob_client(blob.name).set_blob_metadata(facts)
    assert [(entry.sha256, entry.superseded) for entry in store.history()] == [(version.sha256, True)]


def test_of_two_uploads_in_one_second_the_one_in_the_blob_wins(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    upload(container, a_workbook({"job_id": "in_the_blob"}))
    same_second = container.get_blob_client(WORKBOOK).get_blob_properties().last_modified
    for _ in range(2):
        store.activate(a_workbook({"job_id": "passed_over"}), "old", same_second)
        assert [job.job_id for job in store.refresh().configuration.jobs] == ["in_the_blob"]


def test_the_diff_report_is_beside_the_version(store: ConfigurationStore, container: ContainerClient) -> None:
    store.activate(a_workbook({"job_id": "a"}, {"job_id": "b"}, {"job_id": "c", "enabled": "N"}), "1", NOON)
    later = NOON + timedelta(minutes=1)
    activation = store.activate(
        a_workbook({"job_id": "b", "chunk_size": 5}, {"job_id": "c"}, {"job_id": "d"}), "2", later
    )
    (report,) = [
        json.loads(container.download_blob(name).readall())
        for name in names(container, "history/")
        if name.endswith(f"-{activation.sha256[:12]}.changes.json")
    ]
    assert (report["added"], report["removed"], report["enabled"]) == (["d"], ["a"], ["c"])
    assert {"sheet": "SourceConfig", "row": "b", "column": "chunk_size", "before": 100000, "after": 5} in report[
        "changed"
    ]
    assert store.history()[0].summary.startswith("1 added, 1 removed, 1 enabled")


def test_a_refused_upload_is_kept_with_its_problems_marked(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    content = a_workbook({"load_type": "INCR"})
    refused = store.activate(content, "1", NOON)
    annotated = openpyxl.load_workbook(
        io.BytesIO(container.download_blob(f"{refused.refused_folder}/annotated.xlsx").readall())
    )
    assert annotated["Problems"]["B2"].value == "SourceConfig!F2"
    assert [str(problem) for problem in refused.problems] == [str(problem) for problem in validate(content).problems]


def test_a_rollback_holds_until_the_next_upload(store: ConfigurationStore, container: ContainerClient) -> None:
    upload(container, a_workbook({"job_id": "first"}))
    first = store.refresh()
    upload(container, a_workbook({"job_id": "second"}))
    store.refresh()
    rolled_back = store.rollback(first.version.sha256, by="ann@example.com")
    assert rolled_back.outcome is Outcome.ROLLED_BACK
    assert rolled_back.changes is not None
    assert (rolled_back.changes.added, rolled_back.changes.removed) == (("first",), ("second",))
    assert store.refresh().configuration == first.configuration
    assert [(entry.sha256 == first.version.sha256, entry.uploaded_by) for entry in store.history()] == [
        (True, "ann@example.com"),
        (False, None),
        (True, None),
    ]
    upload(container, a_workbook({"job_id": "third"}))
    assert [job.job_id for job in store.refresh().configuration.jobs] == ["third"]


def test_a_rollback_to_the_active_version_is_refused(store: ConfigurationStore) -> None:
    active = store.activate(a_workbook(), "1", NOON)
    with pytest.raises(ConfigurationError, match="is the active one already"):
        store.rollback(active.sha256)


def test_a_pinned_version_is_read_after_newer_ones_came(store: ConfigurationStore) -> None:
    pinned = store.activate(a_workbook({"job_id": "pinned"}), "1", NOON)
    store.activate(a_workbook({"job_id": "newer"}), "2", NOON + timedelta(minutes=1))
    assert [job.job_id for job in store.read_version(pinned.sha256).jobs] == ["pinned"]


def test_the_same_file_with_another_value_of_a_placeholder_is_another_version(
    store: ConfigurationStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "run_in_child", run_here)  # a child keeps the settings that it began with
    content = a_workbook({"job_id": "one", "target_folder_path": "raw/{env}"})
    found: list[Activation] = []
    for env in ("dev", "prod", "prod"):
        monkeypatch.setenv("WORKBOOK_VALUES", json.dumps({"env": env, "unused": env * 2}))
        settings.cache_clear()
        found.append(store.activate(content, etag=f"{env}-{len(found)}"))
    settings.cache_clear()
    assert [activation.outcome for activation in found] == [
        Outcome.ACTIVATED,
        Outcome.ACTIVATED,
        Outcome.UNCHANGED,
    ]
    changes = found[1].changes
    assert changes
    assert [(change.column, change.before, change.after) for change in changes.changed] == [
        ("target_folder_path", "raw/dev", "raw/prod")
    ]
    assert store.read_version(found[0].sha256).jobs[0].target_folder_path == "raw/dev"


def test_an_unknown_version_is_named(store: ConfigurationStore) -> None:
    with pytest.raises(ConfigurationError, match="abc is neither active nor in the history"):
        store.read_version("abc")


def test_a_job_is_read_from_the_version_that_a_run_pinned_or_named_with_it(store: ConfigurationStore) -> None:
    pinned = store.activate(a_workbook({"job_id": "pinned"}), "1", NOON)
    store.activate(a_workbook({"job_id": "newer"}), "2", NOON + timedelta(minutes=1))
    assert store.read_job(pinned.sha256, "pinned").job_id == "pinned"
    with pytest.raises(ConfigurationError, match=f"'newer' is not in configuration version {pinned.sha256}"):
        store.read_job(pinned.sha256, "newer")


def test_a_run_does_not_depend_on_an_upload_that_cannot_be_taken_in(
    store: ConfigurationStore, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload(container, a_workbook({"job_id": "good"}))
    good = store.refresh()
    upload(container, a_workbook({"job_id": "next"}))
    monkeypatch.setattr("shared.activation.store.judged", lambda *_: 1 / 0)
    assert store.refresh() == good
    assert store.has_unjudged_upload()
    monkeypatch.undo()
    assert [job.job_id for job in store.refresh().configuration.jobs] == ["next"]
    assert not store.has_unjudged_upload()


def test_an_upload_with_a_cell_that_a_parser_stumbles_over_is_refused_and_runs_go_on(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    upload(container, a_workbook({"job_id": "good"}))
    good = store.refresh()
    row = {"source_type": "MSSQL", "enabled": "N", "query_filter": "HASHBYTES('MD5') = 0x0"}
    upload(container, a_workbook(row))
    assert store.refresh() == good
    refusal = store.last_refusal()
    assert refusal is not None
    assert str(refusal.problems[0]).startswith("SourceConfig!L2 query_filter: 'HASHBYTES('MD5') = 0x0' cannot be")
    assert not store.has_unjudged_upload()
