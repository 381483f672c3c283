"""Which addresses are public."""

from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from headbox.download.addresses import PrivateAddressError, is_public, may_be_public_host, public_socket

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "fc00::1",
    "fd12::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["1.1.1.1", "93.184.215.14", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101", "2002:101:101::"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_this_host_or_its_neighbours_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))
    assert not may_be_public_host(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(ip_address(address))
    assert may_be_public_host(address)


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.0.0.1", "0x7f000001", "0177.0.0.1", "127.0.0.1."])
def test_an_odd_notation_of_an_address_is_not_taken_for_a_name(host: str) -> None:
    assert not may_be_public_host(host)


@pytest.mark.parametrize("host", ["example.org", "example.org.", "127.example.org", "0x.example", "localhost"])
def test_a_name_may_have_a_public_address(host: str) -> None:
    assert may_be_public_host(host)


def test_a_socket_is_made_for_a_public_address_only() -> None:
    kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")

    public_socket((*kind, ("1.1.1.1", 80))).close()
    with pytest.raises(PrivateAddressError):
        public_socket((*kind, ("127.0.0.1", 80)))
