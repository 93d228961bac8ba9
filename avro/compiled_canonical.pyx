# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""The canonical text of a record, compiled: rules 2 to 4 of canonical.py, which is the reference.

Invariant: ``of`` gives the very bytes of the reference or None, never anything else; content hashes are
released. None means that a value is not of the plain kinds that events are made of: then the reference answers.
"""

from libc.stdlib cimport free

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.long cimport PyLong_CheckExact
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_CheckExact

from msgspec import Struct

include "compiled_wire.pxi"

cdef extern from "Python.h":
    object PyObject_GetAttr(object owner, object name)
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow)

cdef enum:
    DIGITS_MAX = 20
    ESCAPED_BYTES_MAX = 6


class Unusual(Exception):
    """A value of a kind that is left to the reference."""


cdef const char *HEX = "0123456789abcdef"
cdef char SHORT[256]
for _byte in range(256):
    SHORT[_byte] = 0
for _byte, _letter in ((8, "b"), (9, "t"), (10, "n"), (12, "f"), (13, "r"), (34, '"'), (92, "\\")):
    SHORT[_byte] = ord(_letter)


cdef int put_text(Sink *sink, str text) except -1:
    """In quotes. Nearly all text needs no escape, so it is copied in runs between those that do."""
    cdef Py_ssize_t size = 0
    cdef const unsigned char *at = <const unsigned char *>PyUnicode_AsUTF8AndSize(text, &size)
    cdef const unsigned char *end = at + size
    cdef const unsigned char *run = at
    put_bytes(sink, b'"', 1)
    while at < end:
        if at[0] < 0x20 or at[0] == 0x22 or at[0] == 0x5C:
            put_bytes(sink, run, at - run)
            put_escaped(sink, at[0])
            run = at + 1
        at += 1
    put_bytes(sink, run, at - run)
    return put_bytes(sink, b'"', 1)


cdef int put_escaped(Sink *sink, unsigned char byte) except -1:
    cdef char[ESCAPED_BYTES_MAX] escaped
    escaped[0] = 0x5C
    if SHORT[byte]:
        escaped[1] = SHORT[byte]
        return put_bytes(sink, escaped, 2)
    escaped[1], escaped[2], escaped[3] = 0x75, 0x30, 0x30
    escaped[4], escaped[5] = HEX[byte >> 4], HEX[byte & 15]
    return put_bytes(sink, escaped, 6)


cdef int put_number(Sink *sink, object value) except -1:
    cdef int overflow = 0
    cdef int64_t number = PyLong_AsLongLongAndOverflow(value, &overflow)
    cdef char[DIGITS_MAX] digits
    cdef int place = DIGITS_MAX
    cdef uint64_t rest
    if overflow:
        raise Unusual
    rest = -<uint64_t>number if number < 0 else <uint64_t>number
    while True:
        place -= 1
        digits[place] = 0x30 + rest % 10
        rest //= 10
        if rest == 0:
            break
    if number < 0:
        place -= 1
        digits[place] = 0x2D
    return put_bytes(sink, digits + place, DIGITS_MAX - place)


cdef class Form:
    """The fields of one class that count, in the order of their names."""

    cdef tuple names
    cdef tuple keys

    def __cinit__(self, names):
        self.names = tuple(sorted(names))
        self.keys = tuple([f'"{name}":'.encode() for name in self.names])


cdef class CanonicalText:
    """Writes records; ``left_out`` names the fields of a class that are no part of its content."""

    cdef dict left_out
    cdef dict forms

    def __init__(self, left_out):
        self.left_out = dict(left_out)
        self.forms = {}

    def of(self, record):
        """The canonical text of a record made of records, tuples, texts, numbers, flags and nulls; else None."""
        cdef Sink sink
        sink.start = sink.at = sink.end = NULL
        try:
            self.put(&sink, record)
            return PyBytes_FromStringAndSize(<const char *>sink.start, sink.at - sink.start)
        except Unusual:
            return None
        finally:
            free(sink.start)

    cdef int put(self, Sink *sink, object value) except -1:
        if PyUnicode_CheckExact(value):
            return put_text(sink, value)
        if PyLong_CheckExact(value):
            return put_number(sink, value)
        if value is True:
            return put_bytes(sink, b"true", 4)
        if value is False:
            return put_bytes(sink, b"false", 5)
        if type(value) is tuple:
            return self.put_items(sink, value)
        return self.put_record(sink, value)

    cdef int put_items(self, Sink *sink, tuple items) except -1:
        cdef Py_ssize_t index
        put_bytes(sink, b"[", 1)
        for index in range(PyTuple_GET_SIZE(items)):
            if index:
                put_bytes(sink, b",", 1)
            self.put(sink, <object>PyTuple_GET_ITEM(items, index))
        return put_bytes(sink, b"]", 1)

    cdef int put_record(self, Sink *sink, object record) except -1:
        cdef Py_ssize_t index
        cdef bint first = True
        cdef Form form = self.form_of(type(record))
        put_bytes(sink, b"{", 1)
        for index in range(PyTuple_GET_SIZE(form.names)):
            value = PyObject_GetAttr(record, <object>PyTuple_GET_ITEM(form.names, index))
            if value is None:
                continue
            if not first:
                put_bytes(sink, b",", 1)
            first = False
            key = <object>PyTuple_GET_ITEM(form.keys, index)
            put_bytes(sink, PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))
            self.put(sink, value)
        return put_bytes(sink, b"}", 1)

    cdef Form form_of(self, type struct):
        form = self.forms.get(struct)
        if form is None:
            if not issubclass(struct, Struct):
                raise Unusual
            form = Form(set(struct.__struct_fields__) - self.left_out.get(struct, frozenset()))
            self.forms[struct] = form
        return form
