"""The bytes under the compiled codec: a cursor that never passes the end, a sink that grows, and Avro's long.

Invariant: nothing here reads outside ``[at, end)`` or writes outside ``[start, end)``, whatever the bytes say.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport realloc
from libc.string cimport memcpy

cdef extern from *:
    uint64_t SOURCE_DIGEST_HERE

SOURCE_DIGEST = SOURCE_DIGEST_HERE
"""Of the sources that this part is built from, by setup.py; see ``built_from.py``."""


cdef enum:
    FIRST_ROOM = 512
    LONG_BYTES_MAX = 10


cdef enum Found:
    FOUND = 0
    CUT = 1
    BROKEN = 2


cdef struct Cursor:
    const unsigned char *at
    const unsigned char *end


cdef struct Sink:
    unsigned char *start
    unsigned char *at
    unsigned char *end


cdef inline Found take_long(Cursor *cursor, int64_t *number) noexcept nogil:
    """Zig-zag, seven bits a byte; CUT where the bytes end inside it, BROKEN where it says more than 64 bits."""
    cdef uint64_t bits = 0
    cdef unsigned char byte
    cdef int place
    for place in range(LONG_BYTES_MAX):
        if cursor.at == cursor.end:
            return CUT
        byte = cursor.at[0]
        cursor.at += 1
        if place == LONG_BYTES_MAX - 1 and byte > 1:
            return BROKEN
        bits |= <uint64_t>(byte & 0x7F) << (7 * place)
        if byte < 0x80:
            number[0] = <int64_t>(bits >> 1) ^ -<int64_t>(bits & 1)
            return FOUND
    return BROKEN


cdef inline Found take_span(Cursor *cursor, const unsigned char **span, int64_t *size) noexcept nogil:
    """A length and that many bytes. A negative length asks for what no bytes can hold: CUT, as fastavro has it."""
    cdef Found found = take_long(cursor, size)
    if found != FOUND:
        return found
    if size[0] < 0 or size[0] > cursor.end - cursor.at:
        return CUT
    span[0] = cursor.at
    cursor.at += size[0]
    return FOUND


cdef inline int make_room(Sink *sink, Py_ssize_t room) except -1:
    """At least ``room`` bytes after ``at``. Doubles, so that a record is copied a few times at most."""
    cdef Py_ssize_t used = sink.at - sink.start
    cdef Py_ssize_t size = sink.end - sink.start
    cdef unsigned char *moved
    if size - used >= room:
        return 0
    size = max(2 * size, used + room, FIRST_ROOM)
    moved = <unsigned char *>realloc(sink.start, size)
    if moved is NULL:
        raise MemoryError
    sink.start = moved
    sink.at = moved + used
    sink.end = moved + size
    return 0


cdef inline int put_long(Sink *sink, int64_t number) except -1:
    cdef uint64_t bits = (<uint64_t>number << 1) ^ <uint64_t>(number >> 63)
    make_room(sink, LONG_BYTES_MAX)
    while bits > 0x7F:
        sink.at[0] = <unsigned char>(bits & 0x7F) | 0x80
        sink.at += 1
        bits >>= 7
    sink.at[0] = <unsigned char>bits
    sink.at += 1
    return 0


cdef inline int put_bytes(Sink *sink, const void *source, Py_ssize_t size) except -1:
    if size:
        make_room(sink, size)
        memcpy(sink.at, source, size)
        sink.at += size
    return 0
