"""Takes the compression off a record batch, within a bound.

aiokafka would unpack a batch whole, whatever comes of it: 260 kB of gzip once came to 258 MB. Invariant: never more than
the bound is made of a batch, and what is made holds its records byte by byte.
"""

from __future__ import annotations

import gzip
import io
import mmap
from collections.abc import Callable

import cramjam
from aiokafka.codec import snappy_decode
from aiokafka.record.default_records import DefaultRecordBase

from tieout.streams.engine.errors import Halt

HEADER_BYTES: int = DefaultRecordBase.HEADER_STRUCT.size
_ATTRIBUTES = DefaultRecordBase.ATTRIBUTES_OFFSET + 1
"""The lower byte of them, where the codec is."""
_MAGIC = 16
_XERIAL_HEADER_BYTES = 16


class _TooLarge(Exception):  # noqa: N818 - it is told apart and said as a Halt
    """Unpacked it is above the bound."""


def unpacked(batch: memoryview, most_bytes: int) -> bytes | memoryview:
    """The same batch without compression; its length and checksum stay those of the compressed one.

    Raises ``Halt`` where the records come to more than ``most_bytes``. Batches of Kafka before 0.11 stay as they are.
    """
    unpack = _UNPACK.get(batch[_ATTRIBUTES] & DefaultRecordBase.CODEC_MASK)
    if unpack is None or batch[_MAGIC] < 2:  # noqa: PLR2004 - the format that has this header
        return batch
    header = bytearray(batch[:HEADER_BYTES])
    header[_ATTRIBUTES] &= ~DefaultRecordBase.CODEC_MASK
    try:
        return b"".join((header, unpack(bytes(batch[HEADER_BYTES:]), most_bytes)))
    except _TooLarge:
        raise Halt(
            "batch_too_large",
            f"the batch at offset {int.from_bytes(batch[:8], 'big')} unpacks to more than {most_bytes} bytes; "
            "find who sent it, then restart with TIEOUT_BATCH_UNPACKED_MAX_BYTES above what it comes to",
        ) from None


def _gzip(packed: bytes, most: int) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(packed)) as source:
        found = source.read(most + 1)
    if len(found) > most:
        raise _TooLarge
    return found


def _snappy(packed: bytes, most: int) -> bytes:
    """Snappy says its size beforehand, in the Java client's framing once for each block."""
    total, at = 0, _XERIAL_HEADER_BYTES
    if packed[:8] != b"\x82SNAPPY\x00":
        total = cramjam.snappy.decompress_raw_len(packed)
    else:
        while at < len(packed):
            size = int.from_bytes(packed[at : at + 4], "big")
            total += cramjam.snappy.decompress_raw_len(packed[at + 4 : at + 4 + size])
            at += 4 + size
    if total > most:
        raise _TooLarge
    return bytes(snappy_decode(packed))


def _into_pages(decompress_into: Callable[[bytes, mmap.mmap], int]) -> Callable[[bytes, int], memoryview]:
    """The others need not say their size: they get an area of the bound, whose pages exist once they are written."""

    def unpack(packed: bytes, most: int) -> memoryview:
        area = mmap.mmap(-1, most)
        try:
            return memoryview(area)[: decompress_into(packed, area)]
        except cramjam.DecompressionError as error:
            if "failed to write whole buffer" in str(error):
                raise _TooLarge from None
            raise

    return unpack


_UNPACK: dict[int, Callable[[bytes, int], bytes | memoryview]] = {
    DefaultRecordBase.CODEC_GZIP: _gzip,
    DefaultRecordBase.CODEC_SNAPPY: _snappy,
    DefaultRecordBase.CODEC_LZ4: _into_pages(cramjam.lz4.decompress_into),
    DefaultRecordBase.CODEC_ZSTD: _into_pages(cramjam.zstd.decompress_into),
}
