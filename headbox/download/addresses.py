"""Keeps requests away from addresses that only this host or its neighbours can reach."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

#: Source: RFC 6052, section 2.1.
_NAT64 = IPv6Network("64:ff9b::/96")
#: Source: WHATWG URL standard, "ends in a number": such a host is an IPv4 address in one of its odd notations.
_NUMBER = re.compile(r"(?:\d+|0x[\da-f]*)\.?", re.IGNORECASE)


class PrivateAddressError(OSError):
    """A connection to an address that is not public.

    An OSError, because the connector takes those as "this address failed, try the next one of the host". The message is
    always the same, so that it gives one of these back when all addresses of a host failed so.
    """

    def __init__(self) -> None:
        super().__init__("the address is not public")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address belongs to the public internet.

    An IPv6 address that stands for an IPv4 address is judged as that one.

    Source: IANA special-purpose address registries, as in `ipaddress`.
    """
    if isinstance(address, IPv6Address):
        wrapped = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            wrapped = IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped:
            return is_public(wrapped)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def may_be_public_host(host: str) -> bool:
    """Tell whether the host of a URL is a public address, or a name, whose addresses are another question."""
    try:
        return is_public(ip_address(host))
    except ValueError:
        return not _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2])


def public_socket(address_info: tuple[Any, ...]) -> socket.socket:
    """Make the socket for a connection; the connector calls this with the very address that it then connects to.

    Checking there and not after a look-up leaves no gap in which a name could come to mean another address.

    Args:
        address_info: As `socket.getaddrinfo` gives it.

    Raises:
        PrivateAddressError: The address is not public.
    """
    family, kind, protocol, _, address = address_info
    if not is_public(ip_address(address[0])):
        raise PrivateAddressError
    return socket.socket(family, kind, protocol)
