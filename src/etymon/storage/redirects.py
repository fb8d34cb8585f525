"""Redirects of web servers: followed, but never to where the person who named the address would not have gone."""

from __future__ import annotations

import socket
from http.client import HTTPMessage
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import IO
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request

from etymon.errors import EtymonError

WEB = ("http", "https")


class Redirects(HTTPRedirectHandler):
    """Refuses redirects to what is no web server, from an encrypted connection to an open one, and from a public server
    to a private address, behind which there may be things that no stranger should make this machine read."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """The request to go on with."""
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        why = ""
        if after.scheme not in WEB:
            why = f"{after.scheme}:// is no web server"
        elif before.scheme == "https" and after.scheme == "http":
            why = "it leaves the encrypted connection"
        elif is_private(after.hostname or "") and not is_private(before.hostname or ""):
            why = f"{after.hostname} is an address of this machine or of a private network"
        if why:
            raise EtymonError(
                "A redirect is not followed.",
                where=f"{before.scheme}://{before.hostname}{before.path}",
                why=why,
                help="name the address that it leads to, if that is what you want",
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_private(host: str) -> bool:
    """Whether a host is, under one of its addresses, no part of the public network. One that has none is not known."""
    try:
        found = {str(each[4][0]) for each in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return False
    return any(not _plain(ip_address(each.partition("%")[0])).is_global for each in found)


def _plain(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address of version 4 that one of version 6 stands for, where it does."""
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
