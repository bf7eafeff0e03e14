"""Which addresses are no API's."""

from __future__ import annotations

import pytest

from shared.errors.hierarchy import SourceError
from shared.sources.rest.guard import check_address, is_private


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.9.1", "::1", "0.0.0.0", "::"),
        *("169.254.169.254", "169.254.130.4", "fe80::1", "fe80::1%eth0"),
        *("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1"),
        *("64:ff9b:1::a9fe:a9fe", "64:ff9b:1:7f00:0:100::", "::127.0.0.1", "::169.254.169.254"),
        *("2001:0:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:5601:5601", "::ffff:0.0.0.0"),
        *("224.0.0.1", "ff02::1"),
    ],
)
def test_this_machine_its_neighbours_and_metadata_services_are_none(address: str) -> None:
    assert is_private(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "10.0.0.7", "192.168.1.20", "172.16.4.4", "2606:2800:220:1::1", "fd12:3456::1"]
)
def test_the_internet_and_a_companys_network_are(address: str) -> None:
    assert not is_private(address)


def test_the_identity_endpoint_is_none_also_where_its_address_is_a_companys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://10.0.0.7:8081/msi/token")
    for host in ("10.0.0.7", "rebound.example.com"):
        with pytest.raises(SourceError, match="the app's identity endpoint, which no API job may ask"):
            check_address(host, 8081, "10.0.0.7")
    check_address("10.0.0.7", 8080, "10.0.0.7")
