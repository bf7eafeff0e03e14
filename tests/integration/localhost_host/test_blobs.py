"""The blob trigger of the local host."""

import json

from azure.storage.blob import ContainerClient

from tests.integration.localhost_host.sample import Sample


def seen(sample: Sample) -> list[str]:
    """The texts the blob function got, in order."""
    return [json.loads(path.read_text())["text"] for path in sorted(sample.marks.glob("blob-*.json"))]


def test_a_matching_blob_arrives_with_its_name_uri_length_and_metadata(
    watching: Sample, container: ContainerClient
) -> None:
    container.upload_blob("in/other.csv", "not text")
    container.upload_blob("in/a b.txt", "hello", metadata={"who": "Ada"})
    with watching.host:
        watching.until(lambda: watching.count("blob"))
    assert json.loads((watching.marks / "blob-1.json").read_text()) == {
        "name": f"{container.container_name}/in/a b.txt",
        "uri": container.get_blob_client("in/a b.txt").url,
        "length": 5,
        "text": "hello",
        "metadata": {"who": "Ada"},
    }
    assert watching.count("blob") == 1


def test_each_version_arrives_once_even_over_a_kill(watching: Sample, container: ContainerClient) -> None:
    watching.host.start()
    container.upload_blob("in/a.txt", "one")
    watching.until(lambda: seen(watching) == ["one"])
    container.upload_blob("in/a.txt", "two", overwrite=True)
    watching.until(lambda: seen(watching) == ["one", "two"])
    watching.until(lambda: watching.host.log_text().count("handled") == 2)
    watching.host.kill()
    watching.host.start()
    container.upload_blob("in/b.txt", "three")
    watching.until(lambda: seen(watching) == ["one", "two", "three"])


def test_a_failing_blob_is_tried_five_times_and_then_given_up(watching: Sample, container: ContainerClient) -> None:
    with watching.host:
        container.upload_blob("in/bad.txt", "poison")
        watching.until(lambda: "gives up on" in watching.host.log_text())
        container.upload_blob("in/good.txt", "fine")
        watching.until(lambda: "fine" in seen(watching))
        left = watching.until(lambda: list(watching.marks.glob("given-up.*")))
    assert seen(watching) == ["poison"] * 5 + ["fine"]
    message = json.loads(left[0].read_text())
    assert (message["BlobName"], message["FunctionId"]) == ("in/bad.txt", "Host.Functions.copy_text")


def test_a_container_that_does_not_exist_yet_is_waited_for(watching: Sample, container: ContainerClient) -> None:
    container.delete_container()
    with watching.host:
        container.create_container()
        container.upload_blob("in/late.txt", "late")
        watching.until(lambda: seen(watching) == ["late"])
