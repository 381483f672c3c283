"""End with 0 when the process of this container lives, else with 1.

The address is the first argument, or where `headbox serve` and `headbox api` listen.
"""

import http.client
import sys
from urllib.parse import urlsplit

#: Less than the time that the container's own check has.
TIMEOUT_SECONDS = 4
DEFAULT_ADDRESS = "127.0.0.1:8640"


def is_alive(address: str) -> bool:
    """Tell whether `/livez` answers as it should."""
    connection = http.client.HTTPConnection(urlsplit(f"//{address}").netloc, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/livez")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_alive(sys.argv[1] if len(sys.argv) > 1 else DEFAULT_ADDRESS))
