"""Uploads that come by HTTP: they are uploads of the blob, and may name the version that they replace."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.storage.blob import ContainerClient

from shared.activation.store import ConfigurationStore
from shared.activation.uploads import NO_VERSION, Activation, Outcome, Upload
from shared.activation.workbook_blob import WorkbookBlob
from tests.bombs import BOMBS
from tests.builders import a_workbook
from tests.integration.workbook.conftest import WORKBOOK


def uploaded(store: ConfigurationStore, content: bytes, by: str | None = None) -> Activation:
    activation = store.upload(content, by)
    assert activation
    return activation


def held(container: ContainerClient) -> bytes:
    return bytes(container.download_blob(WORKBOOK).readall())


def test_an_upload_is_in_the_blob_and_taken_in_already_when_the_trigger_comes(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    content = a_workbook({"job_id": "one"})
    activation = uploaded(store, content, "Zoë Müller (key 12)")
    assert (activation.outcome, held(container)) == (Outcome.ACTIVATED, content)
    assert not store.has_unjudged_upload()
    again = store.activate_uploaded()
    assert again
    assert (again.outcome, again.at, again.uploaded_by) == (Outcome.UNCHANGED, activation.at, "Zoë Müller (key 12)")
    assert [entry.uploaded_by for entry in store.history()] == ["Zoë Müller (key 12)"]


def test_an_upload_that_the_trigger_has_taken_in_first_was_activated_all_the_same(
    store: ConfigurationStore, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = a_workbook({"job_id": "one"})
    write = WorkbookBlob.write

    def written_and_triggered(blob: WorkbookBlob, content: bytes, by: str | None) -> Upload:
        upload = write(blob, content, by)
        assert store.activate_uploaded()
        return upload

    monkeypatch.setattr(WorkbookBlob, "write", written_and_triggered)
    assert uploaded(store, content).outcome is Outcome.ACTIVATED
    assert uploaded(store, content).outcome is Outcome.UNCHANGED
    assert len(store.history()) == 1


def test_the_uploader_of_a_blob_that_no_run_has_taken_in_is_read_as_it_was_written(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    uploaded(store, a_workbook({"load_type": "INCR"}), "Zoë")
    container.delete_blob("refused/latest.json")
    again = store.activate_uploaded()
    assert again
    assert (again.outcome, again.uploaded_by) == (Outcome.REFUSED, "Zoë")


def test_a_refused_upload_is_the_last_word_until_another_upload_or_a_rollback(
    store: ConfigurationStore,
) -> None:
    first = uploaded(store, a_workbook({"job_id": "first"}))
    second = uploaded(store, a_workbook({"job_id": "second"}))
    refused = uploaded(store, a_workbook({"load_type": "INCR"}))
    assert (refused.outcome, refused.active) == (Outcome.REFUSED, second.active)
    refusal = store.last_refusal()
    assert refusal
    assert store.is_newest(refusal)
    copy = store.annotated_refusal(refusal.folder)
    assert copy
    assert "'INCR' is not one of FULL" in str(store.check(copy).report.problems[0])
    store.rollback(first.sha256)
    assert not store.is_newest(refusal)
    uploaded(store, a_workbook({"job_id": "third"}))
    assert not store.is_newest(refusal)


def test_a_file_that_cannot_be_opened_is_refused_without_a_copy(store: ConfigurationStore) -> None:
    refused = uploaded(store, b"no workbook")
    assert refused.outcome is Outcome.REFUSED
    assert store.annotated_refusal(refused.refused_folder or "") is None


def test_an_upload_that_removes_most_jobs_needs_its_confirmation(store: ConfigurationStore) -> None:
    jobs = [{"job_id": name} for name in ("a", "b", "c")]
    uploaded(store, a_workbook(*jobs))
    refused = uploaded(store, a_workbook(jobs[0]))
    assert "removes 2 of the 3 active jobs (b, c)" in str(refused.problems[0])
    confirmed = a_workbook(jobs[0], requests=[{"request_id": "clear-out", "action": "remove_jobs"}])
    assert uploaded(store, confirmed).outcome is Outcome.ACTIVATED


def test_a_bomb_is_refused_by_the_child_that_judges_all_uploads(store: ConfigurationStore) -> None:
    assert uploaded(store, next(iter(BOMBS.values()))()).outcome is Outcome.REFUSED


def test_an_upload_that_was_compared_with_another_version_writes_nothing(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    one, two = a_workbook({"job_id": "one"}), a_workbook({"job_id": "two"})
    assert store.upload(one, replaces="0" * 64) is None
    assert list(container.list_blob_names()) == []
    first = store.upload(one, replaces=NO_VERSION)
    assert first
    assert store.upload(two, replaces=NO_VERSION) is None
    assert held(container) == one
    second = store.upload(two, replaces=first.sha256)
    assert second
    assert second.outcome is Outcome.ACTIVATED


def test_a_refused_upload_is_no_reason_to_compare_again(store: ConfigurationStore) -> None:
    first = uploaded(store, a_workbook({"job_id": "one"}))
    for number in range(2):
        refused = store.upload(a_workbook({"load_type": f"INCR{number}"}), replaces=first.sha256)
        assert refused
        assert refused.outcome is Outcome.REFUSED
    second = store.upload(a_workbook({"job_id": "two"}), replaces=first.sha256)
    assert second
    assert second.outcome is Outcome.ACTIVATED


def test_an_upload_of_the_blob_that_nothing_has_taken_in_yet_comes_first(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    first = uploaded(store, a_workbook({"job_id": "one"}))
    container.upload_blob(WORKBOOK, a_workbook({"job_id": "by_blob"}), overwrite=True)
    assert store.upload(a_workbook({"job_id": "two"}), replaces=first.sha256) is None
    active = store.active()
    assert active
    assert [job.job_id for job in active.configuration.jobs] == ["by_blob"]


def test_of_many_that_were_compared_with_one_version_one_becomes_active_and_the_others_are_told(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    first = uploaded(store, a_workbook({"job_id": "one"}))
    contents = [a_workbook({"job_id": f"job_{number}"}) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda content: store.upload(content, replaces=first.sha256), contents))
    (winner,) = [activation for activation in found if activation]
    assert (winner.outcome, held(container)) == (Outcome.ACTIVATED, contents[found.index(winner)])
    active = store.active()
    assert active
    assert active.version.sha256 == winner.sha256


def test_of_many_at_once_the_last_in_the_blob_is_active_and_all_are_recorded(
    store: ConfigurationStore, container: ContainerClient
) -> None:
    contents = [a_workbook({"job_id": f"job_{number}"}) for number in range(6)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(store.upload, contents))
    active = store.active()
    assert active
    assert active.version.sha256 == found[contents.index(held(container))].sha256  # type: ignore[union-attr]
    assert len({entry.sha256 for entry in store.history()}) == 6
