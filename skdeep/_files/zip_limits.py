"""Zip files that unpack to no more than they may.

What a zip file says of its sizes is what whoever wrote it says, so no member is unpacked further than it says.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

from skdeep._common.states import AlteredFileError

SCHEMA = "schema.json"
# An honest file is this much smaller than what is in it at most; one of more zeros is written without compression.
_MOST_COMPRESSION = 50
_FREE_BYTES = 2**26
_MOST_BYTES = 2**32
# The tree takes some hundred bytes of text for each of its nodes, and as objects of Python a few times as much.
_FREE_SCHEMA_BYTES = 2**22
_MOST_MEMBERS = 100_000
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def compressed(make: Callable[..., bytes], content: Any) -> bytes:
    """Return the archive that a function makes with a method of compression; none if `load` would take it for a bomb.

    Parameters
    ----------
    make : callable
        Takes a method of the module zipfile.
    content : object
        What `make` takes first.
    """
    archive = make(content, compression=zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        members = packed.infolist()
        n_bytes = sum(member.file_size for member in members)
    if n_bytes > _proportionate(len(archive)) or any(member.file_size > _limit_of(member) for member in members):
        return make(content, compression=zipfile.ZIP_STORED)
    return archive


def _proportionate(n_bytes):
    return _FREE_BYTES + _MOST_COMPRESSION * n_bytes


def _limit_of(member):
    """Return how many bytes a member may unpack to, beside the limit of all of them."""
    if member.filename != SCHEMA:
        return member.file_size
    return _FREE_SCHEMA_BYTES + _MOST_COMPRESSION * member.compress_size


def unpacked(archive: bytes, max_bytes: int | None) -> dict[str, bytes]:
    """Return the content of all members by their names."""
    limit = min(_MOST_BYTES, _proportionate(len(archive))) if max_bytes is None else max_bytes
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        members = packed.infolist()
        n_bytes = sum(member.file_size for member in members)
        if n_bytes > limit:
            raise AlteredFileError(
                f"it unpacks to {n_bytes:,} bytes, more than the {limit:,} that are allowed; if you know the file, "
                f"give load max_bytes={n_bytes}"
            )
        if len(members) > _MOST_MEMBERS or len({member.filename for member in members}) < len(members):
            raise AlteredFileError(f"it has {len(members)} members, too many or several of one name")
        for member in members:
            if member.compress_type not in _COMPRESSIONS or member.file_size > _limit_of(member):
                raise AlteredFileError(f"its member {member.filename!r} is packed as save packs none")
        return {member.filename: _read(packed, member) for member in members}


def _read(packed, member):
    """Return the content of a member, of which no more is unpacked than it says that it has."""
    with packed.open(member) as stream:
        content = stream.read(member.file_size)
    if len(content) != member.file_size or zlib.crc32(content) != member.CRC:
        raise AlteredFileError(f"its member {member.filename!r} is not what it says that it is")
    return content
