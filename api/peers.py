"""Whose process is at the other end of a loopback connection, as Linux tells."""

import errno
import os
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["is_loopback", "peer_is_mine"]

Address = tuple[str, int]
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST = 1
_NO_COOKIE = 0xFFFFFFFF


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    import ipaddress

    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def peer_is_mine(client: Address | None, server: Address | None) -> bool:
    """Tell whether the process at the other end of a loopback connection is this user's, or root's.

    Elsewhere than on Linux, and where the peer is no address of this machine (a test's), it
    cannot be told, and is taken to be so. A process that is gone is nobody's.
    """
    if not sys.platform.startswith("linux") or not client or not server:
        return True
    if not is_loopback(client[0]):
        return True
    try:
        user = _asked(client, server)
    except OSError as error:
        if error.errno == errno.ENOENT:
            return False
        user = None
        try:  # no netlink, as in some containers
            user = next(_listed(client, server), None)
        except OSError:
            return True
    return user is not None and user in (os.getuid(), 0)


def _asked(client: Address, server: Address) -> int | None:
    """Ask the kernel for one connection; return its user, None if its process has closed it.

    Raises:
        OSError: ENOENT if there is no such connection, else it cannot be asked.
    """
    family = socket.AF_INET6 if ":" in client[0] else socket.AF_INET
    place = struct.pack(
        ">HH16s16s", client[1], server[1],
        socket.inet_pton(family, client[0]), socket.inet_pton(family, server[0]),
    ) + struct.pack("=III", 0, _NO_COOKIE, _NO_COOKIE)  # fmt: skip
    request = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 0xFFF) + place
    head = struct.pack("=IHHII", 16 + len(request), _SOCK_DIAG_BY_FAMILY, _REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(1.0)
        kernel.sendall(head + request)
        answer = kernel.recv(4096)
    kind = struct.unpack_from("=H", answer, 4)[0]
    if kind != _SOCK_DIAG_BY_FAMILY:
        raise OSError(-struct.unpack_from("=i", answer, 16)[0], "no such connection")
    ports = struct.unpack_from(">HH", answer, 20)
    user, inode = struct.unpack_from("=II", answer, 16 + 64)
    # a connection whose process has closed it belongs to no file, and is shown as root's
    return user if inode and ports == (client[1], server[1]) else None


def _listed(client: Address, server: Address) -> Iterator[int]:
    """Find a connection in the lists of all; slower, but there where netlink is not."""
    wanted = f":{client[1]:04X}", f":{server[1]:04X}"
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(FileNotFoundError):
            for line in Path(name).read_text("ascii").splitlines()[1:]:
                if wanted[0] not in line:
                    continue
                parts = line.split()
                there = parts[1].endswith(wanted[0]) and parts[2].endswith(wanted[1])
                if there and parts[9] != "0":
                    yield int(parts[7])
