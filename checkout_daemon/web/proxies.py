"""Find the client's address: the peer's, or the one that a trusted proxy names."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

# More proxies than any real path has; anyone may have written further entries.
MOST_HOPS = 16
_LONGEST_FIELD = 1024
_SHARES = ((64, 1), (56, 4), (48, 16))


class TrustedProxies:
    """The addresses and networks whose X-Forwarded-For is trusted."""

    def __init__(self, names: Iterable[str], *, unix_socket: bool = False) -> None:
        """`unix_socket`: a peer without an address is a proxy, too, because it may open the daemon's socket."""
        self._unix_socket = unix_socket
        self._networks = [ip_network(name, strict=False) for name in names]

    def __contains__(self, address: Address | None) -> bool:
        """Return whether the address is a trusted proxy's."""
        return address is not None and any(address in network for network in self._networks)

    def client(self, peer: str | None, forwarded_for: Iterable[str]) -> Address | None:
        """Return the nearest address that is not a trusted proxy's; anyone may have written the entries before it.

        Return None for a peer without an address (a Unix socket) if it names none.
        """
        address = parse_address(peer or "")
        if address not in self and not (self._unix_socket and not peer):
            return address
        hops = [hop for header in forwarded_for for hop in header[-_LONGEST_FIELD:].rsplit(",", MOST_HOPS)]
        hops = [hop for hop in hops if hop.strip()]  # a list may have empty members
        for hop in hops[: -MOST_HOPS - 1 : -1]:
            named = parse_address(hop)
            if named is None:
                break
            address = named
            if address not in self:
                break
        return address


def network_of(address: Address) -> str:
    """Return what counts as one client: the address, or for IPv6 the /64 of a single subscriber."""
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)


def networks_of(address: Address) -> tuple[tuple[str, int], ...]:
    """Return the networks that an address counts for, narrowest first, with how many clients' share they have.

    An IPv6 subscriber may have a /56, a company or a tunnel a /48: their /64s are not different clients.
    """
    if not isinstance(address, IPv6Address):
        return ((str(address), 1),)
    return tuple((str(IPv6Network((address, bits), strict=False)), share) for bits, share in _SHARES)


def parse_address(text: str) -> Address | None:
    """Return the address, without a port or zone; None if it is not one."""
    text = text.strip()
    if text.startswith("["):  # [::1]:4711
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:  # 10.0.0.1:4711
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
