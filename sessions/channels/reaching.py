"""Whether somebody listens at an address, told without sending anything."""

import asyncio
import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from sessions.channels.address import shown_host
from sessions.errors import DeliveryError

_PORTS = {"http": 80, "https": 443}


async def require_listener(address: str, timeout_seconds: float) -> None:
    """Open a connection to the host of a web address and close it again.

    Behind a proxy nothing is opened: what it would say costs a request.

    Raises:
        DeliveryError: nobody answers there now; retryable, since somebody may when the report is sent.
    """
    parts = urlsplit(address)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    if not host or not port or (parts.scheme in getproxies() and not proxy_bypass(host)):
        return
    try:
        async with asyncio.timeout(timeout_seconds):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError as error:
        raise DeliveryError(f"{shown_host(address)} gave no answer in {timeout_seconds:g} s", retryable=True) from error
    except socket.gaierror as error:
        raise DeliveryError(f"{shown_host(address)} has no address in the network", retryable=True) from error
    except OSError as error:
        why = error.strerror or "no connection"
        raise DeliveryError(f"{shown_host(address)} could not be reached: {why}", retryable=True) from error
    writer.close()
