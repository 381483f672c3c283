"""What a file is, by its name."""

from __future__ import annotations

import mimetypes
from functools import lru_cache

#: A file that is packed is that, whatever is in it: clients must get the bytes that the digest is of.
_PACKED = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "zstd": "application/zstd",
    "compress": "application/x-compress",
    "br": "application/x-brotli",
}
#: Types that a browser shows as a page, which could act as the user who is signed in here.
_ACTIVE = {"text/html", "text/xml", "application/xml", "application/xhtml+xml", "image/svg+xml"}


@lru_cache(maxsize=4096)
def media_type(name: str) -> str:
    """Return the media type of a file, by the last segment of its path."""
    # With the folder that `guess_type` needs to take a name such as "data:x" for no URL.
    guessed, packing = mimetypes.guess_type(f"/{name}")
    if packing is not None:
        return _PACKED.get(packing, "application/octet-stream")
    return guessed or "application/octet-stream"


def is_active(content_type: str) -> bool:
    """Tell whether a browser would run what is in a file of this type."""
    return content_type in _ACTIVE or content_type.endswith("+xml")
