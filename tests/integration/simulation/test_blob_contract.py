"""What the simulated blobs refuse, the real ones refuse in the same words, and the other way round."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import AzureError

from tests.integration.simulation.conftest import Account

FIRST, SECOND = (str(uuid.UUID(int=number)) for number in (1, 2))
UNCHANGED = MatchConditions.IfNotModified


def code_of(call: Callable[[], Any]) -> tuple[str, str]:
    """The SDK's error and the service's code for it."""
    with pytest.raises(AzureError) as raised:
        call()
    code = getattr(raised.value, "error_code", None)
    return type(raised.value).__name__, str(getattr(code, "value", code))


def test_a_blob_is_created_once(account: Account) -> None:
    blob = account.blob("a")
    blob.upload_blob(b"1")
    assert code_of(lambda: blob.upload_blob(b"2")) == ("ResourceExistsError", "BlobAlreadyExists")
    blob.upload_blob(b"3", overwrite=True)
    assert blob.download_blob().readall() == b"3"


def test_a_blob_is_replaced_only_as_it_was(account: Account) -> None:
    blob = account.blob("a")
    before = blob.upload_blob(b"1")["etag"]
    after = blob.upload_blob(b"2", overwrite=True, etag=before, match_condition=UNCHANGED)["etag"]
    assert before != after
    refused = code_of(lambda: blob.upload_blob(b"3", overwrite=True, etag=before, match_condition=UNCHANGED))
    assert refused == ("ResourceModifiedError", "ConditionNotMet")
    missing = account.blob("b")
    refused = code_of(lambda: missing.upload_blob(b"3", overwrite=True, etag=before, match_condition=UNCHANGED))
    assert refused == ("ResourceModifiedError", "ConditionNotMet")


def test_what_is_not_there_is_not_found(account: Account) -> None:
    blob = account.blob("a")
    for call in (
        blob.download_blob,
        blob.get_blob_properties,
        blob.delete_blob,
        lambda: blob.set_blob_metadata({"run_id": "r"}),
        lambda: account.lease(blob, lease_id=FIRST).acquire(15),
        lambda: account.contents.download_blob("a"),
    ):
        name, code = code_of(call)
        assert name == "ResourceNotFoundError"
        assert "BlobNotFound" in code or code == "None" or "ResourceNotFound" in code
    elsewhere = account.blobs.get_container_client("elsewhere")
    assert code_of(lambda: elsewhere.upload_blob("a", b"")) == ("ResourceNotFoundError", "ContainerNotFound")
    assert not elsewhere.exists()
    assert account.contents.exists()


def test_a_lease_has_one_holder(account: Account) -> None:
    blob = account.blob("a")
    blob.upload_blob(b"")
    first, second = account.lease(blob, lease_id=FIRST), account.lease(blob, lease_id=SECOND)
    first.acquire(15)
    first.acquire(15)  # its own again
    assert code_of(lambda: second.acquire(15)) == ("ResourceExistsError", "LeaseAlreadyPresent")
    assert code_of(second.renew) == ("ResourceExistsError", "LeaseIdMismatchWithLeaseOperation")
    assert code_of(second.release) == ("ResourceExistsError", "LeaseIdMismatchWithLeaseOperation")
    first.renew()
    first.release()
    second.acquire(15)
    again = account.lease(blob, lease_id=FIRST)
    assert code_of(again.renew) == ("ResourceExistsError", "LeaseIdMismatchWithLeaseOperation")


def test_a_lease_that_was_given_back_is_none(account: Account) -> None:
    blob = account.blob("a")
    blob.upload_blob(b"")
    lease = account.lease(blob, lease_id=FIRST)
    lease.acquire(15)
    lease.release()
    for call in (lease.renew, lease.release):  # the SDK forgets the id
        with pytest.raises(ValueError, match="No value for given attribute"):
            call()
    again = account.lease(blob, lease_id=FIRST)
    for call in (again.renew, again.release):
        assert code_of(call)[0] == "ResourceExistsError"
    assert code_of(lambda: blob.set_blob_metadata({"run_id": "r"}, lease=again))[0] == "HttpResponseError"


def test_a_leased_blob_is_changed_by_the_holder_alone(account: Account) -> None:
    blob = account.blob("a")
    blob.upload_blob(b"")
    first, second = account.lease(blob, lease_id=FIRST), account.lease(blob, lease_id=SECOND)
    first.acquire(15)
    blob.set_blob_metadata({"run_id": "r"}, lease=first)
    assert blob.get_blob_properties().metadata == {"run_id": "r"}
    mismatch = ("HttpResponseError", "LeaseIdMismatchWithBlobOperation")
    missing = ("HttpResponseError", "LeaseIdMissing")
    assert code_of(lambda: blob.set_blob_metadata({"run_id": "s"}, lease=second)) == mismatch
    assert code_of(lambda: blob.set_blob_metadata({"run_id": "s"})) == missing
    assert code_of(lambda: blob.upload_blob(b"x", overwrite=True)) == missing
    assert code_of(blob.delete_blob) == missing
    assert code_of(lambda: blob.upload_blob(b"x")) == ("ResourceExistsError", "BlobAlreadyExists")


def test_an_etag_changes_with_content_and_metadata_and_not_with_a_lease(account: Account) -> None:
    blob = account.blob("a")
    written = blob.upload_blob(b"1")["etag"]
    account.lease(blob, lease_id=FIRST).acquire(15)
    assert blob.get_blob_properties().etag == written
    account.lease(blob, lease_id=FIRST).release()
    blob.set_blob_metadata({"a": "b"})
    assert blob.get_blob_properties().etag != written
    assert blob.download_blob().properties.etag == blob.get_blob_properties().etag


def test_a_blob_says_when_it_was_changed_in_whole_seconds(account: Account) -> None:
    blob = account.blob("a")
    blob.upload_blob(b"1", metadata={"uploaded_by": "me"})
    properties = account.contents.download_blob("a").properties
    assert properties.last_modified.microsecond == 0
    assert properties.last_modified.utcoffset() is not None
    assert properties.metadata == {"uploaded_by": "me"}


def test_names_are_listed_in_order_by_their_beginning(account: Account) -> None:
    for name in ("b/2", "a/1", "b/10", "c"):
        account.contents.upload_blob(name, b"1", metadata={"sha256": name[-1]})
    assert list(account.contents.list_blob_names(name_starts_with="b/")) == ["b/10", "b/2"]
    listed = account.contents.list_blobs("b/", include=["metadata"])
    assert [(blob.name, blob.metadata) for blob in listed] == [("b/10", {"sha256": "0"}), ("b/2", {"sha256": "2"})]
    account.contents.delete_blob("b/2")
    assert list(account.contents.list_blob_names(name_starts_with="b/")) == ["b/10"]


def test_the_lakes_files_are_created_once_and_replaced_as_they_were_listed(account: Account) -> None:
    files, folder = account.files, f"{account.container}/raw/shop/"
    files.pipe_file(f"{folder}a.json", b"12345", mode="create")
    with pytest.raises(FileExistsError):
        files.pipe_file(f"{folder}a.json", b"2", mode="create")
    listed = files.find(folder, detail=True)
    assert {path: details["size"] for path, details in listed.items()} == {f"{folder}a.json": 5}
    etag = listed[f"{folder}a.json"]["etag"]
    files.pipe_file(f"{folder}a.json", b"678", etag=etag, match_condition=UNCHANGED)
    refused = code_of(lambda: files.pipe_file(f"{folder}a.json", b"9", etag=etag, match_condition=UNCHANGED))
    assert refused[0] == "ResourceModifiedError"
    assert files.cat_file(f"{folder}a.json") == b"678"
    assert files.cat_file(f"{folder}a.json", start=1, end=3) == b"78"


def test_the_lakes_files_that_are_gone_are_not_found(account: Account) -> None:
    files, path = account.files, f"{account.container}/raw/shop/a.json"
    files.pipe_file(path, b"1")
    files.rm_file(path)
    for call in (files.rm_file, files.cat_file):
        with pytest.raises(FileNotFoundError):
            call(path)
