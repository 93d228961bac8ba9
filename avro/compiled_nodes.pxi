"""The places of a shape, compiled: how each kind reads its value, judges its bytes, and writes its value.

Reading stops at the first doubt without asking why. Only then a judge walks the same bytes without building anything,
because the reason depends on all of them: bytes that end too early weigh more than a list that is too long, and that
more than a value out of bounds. Invariant: what reading refuses, judging has a reason for, and the other way round.
"""

from libc.stdint cimport INT64_MIN, int64_t

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.long cimport PyLong_AsLongLong, PyLong_Check, PyLong_FromLongLong
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE, PyTuple_New, PyTuple_SET_ITEM
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_Check, PyUnicode_DecodeUTF8

from tieout.avro.refusals import REASONS, Undecodable

include "compiled_wire.pxi"

cdef extern from "Python.h":
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    object PyObject_Vectorcall(object callable, PyObject **arguments, size_t count, PyObject *names)
    object PyObject_GetAttr(object owner, object name)

cdef enum:
    FIELDS_MAX = 64  # as in shapes.py


class Doubt(Exception):
    """Reading has met bytes that it does not accept; the judge says why."""


cdef class Judge:
    """What a walk over refused bytes has found, besides what ends it at once."""

    cdef str record
    cdef str too_many
    cdef str out_of_bounds

    def __cinit__(self, str record):
        self.record = record

    cdef int require(self, Found found, str path) except -1:
        """Raises Undecodable where the bytes ended or cannot be what the schema says."""
        if found == FOUND:
            return 0
        if found == CUT:
            raise Undecodable("truncated", f"{self.record}: {REASONS['truncated']}")
        raise Undecodable("malformed", f"{self.record}: a number or block that no writer makes - at `{path}`")

    cdef int count(self, str name, int64_t items, int64_t most) except -1:
        if items > most and self.too_many is None:
            self.too_many = f"{name} has {items} items, at most {most} are allowed"
        return 0

    cdef int doubt(self, str expected, str path) except -1:
        if self.out_of_bounds is None:
            self.out_of_bounds = f"Expected {expected} - at `{path}`"
        return 0


cdef class Node:
    """One place of the shape: reads its value, judges its bytes, writes its value."""

    cdef str path

    cdef object read(self, Cursor *cursor):
        raise NotImplementedError

    cdef int judge(self, Cursor *cursor, Judge judge) except -1:
        raise NotImplementedError

    cdef int write(self, Sink *sink, object value) except -1:
        raise NotImplementedError

    cdef object misfit(self, str expected, object value):
        return TypeError(f"{self.path} holds {type(value).__name__}, not {expected}")


cdef class TextNode(Node):
    cdef Py_ssize_t low
    cdef Py_ssize_t high

    cdef object read(self, Cursor *cursor):
        cdef const unsigned char *span = NULL
        cdef int64_t size = 0
        if take_span(cursor, &span, &size) != FOUND:
            raise Doubt
        text = PyUnicode_DecodeUTF8(<const char *>span, size, NULL)
        if not self.low <= PyUnicode_GET_LENGTH(text) <= self.high:
            raise Doubt
        return text

    cdef int judge(self, Cursor *cursor, Judge judge) except -1:
        cdef const unsigned char *span = NULL
        cdef int64_t size = 0
        judge.require(take_span(cursor, &span, &size), self.path)
        try:
            length = len(PyUnicode_DecodeUTF8(<const char *>span, size, NULL))
        except UnicodeDecodeError:
            raise Undecodable("malformed", f"{judge.record}: UnicodeDecodeError") from None
        if length < self.low:
            judge.doubt(f"`str` of length >= {self.low}", self.path)
        elif length > self.high:
            judge.doubt(f"`str` of length <= {self.high}", self.path)
        return 0

    cdef int write(self, Sink *sink, object value) except -1:
        cdef Py_ssize_t size = 0
        if not PyUnicode_Check(value):
            raise self.misfit("str", value)
        text = PyUnicode_AsUTF8AndSize(value, &size)
        put_long(sink, size)
        return put_bytes(sink, text, size)


cdef class WholeNode(Node):
    cdef int64_t low
    cdef int64_t high
    cdef int64_t least
    cdef int64_t largest

    cdef object read(self, Cursor *cursor):
        cdef int64_t number = 0
        if take_long(cursor, &number) != FOUND or not self.low <= number <= self.high:
            raise Doubt
        return PyLong_FromLongLong(number)

    cdef int judge(self, Cursor *cursor, Judge judge) except -1:
        cdef int64_t number = 0
        judge.require(take_long(cursor, &number), self.path)
        if number < self.low:
            judge.doubt(f"`int` >= {self.low}", self.path)
        elif number > self.high:
            judge.doubt(f"`int` <= {self.high}", self.path)
        return 0

    cdef int write(self, Sink *sink, object value) except -1:
        cdef int64_t number
        if not PyLong_Check(value):
            raise self.misfit("int", value)
        number = PyLong_AsLongLong(value)
        if not self.least <= number <= self.largest:
            raise OverflowError(f"{self.path} is outside the 32 bits of an Avro int")
        return put_long(sink, number)


cdef class FlagNode(Node):
    cdef object read(self, Cursor *cursor):
        if cursor.at == cursor.end:
            raise Doubt
        cursor.at += 1
        return (cursor.at - 1)[0] != 0

    cdef int judge(self, Cursor *cursor, Judge judge) except -1:
        judge.require(CUT if cursor.at == cursor.end else FOUND, self.path)
        cursor.at += 1
        return 0

    cdef int write(self, Sink *sink, object value) except -1:
        cdef unsigned char byte = value is True
        if value is not True and value is not False:
            raise self.misfit("bool", value)
        return put_bytes(sink, &byte, 1)


cdef class FixedNode(Node):
    cdef Py_ssize_t size

    cdef object read(self, Cursor *cursor):
        if cursor.end - cursor.at < self.size:
            raise Doubt
        cursor.at += self.size
        return PyBytes_FromStringAndSize(<const char *>cursor.at - self.size, self.size)

    cdef int judge(self, Cursor *cursor, Judge judge) except -1:
        judge.require(CUT if cursor.end - cursor.at < self.size else FOUND, self.path)
        cursor.at += self.size
        return 0

    cdef int write(self, Sink *sink, object value) except -1:
        if not PyBytes_Check(value) or PyBytes_GET_SIZE(value) != self.size:
            raise self.misfit(f"{self.size} bytes", value)
        return put_bytes(sink, PyBytes_AS_STRING(value), self.size)


cdef class OptionalNode(Node):
    cdef Node value

    cdef object read(self, Cursor *cursor):
        cdef int64_t branch = 0
        if take_long(cursor, &branch) != FOUND or not 0 <= branch <= 1:
            raise Doubt
        return self.value.read(cursor) if branch else None

    cdef int judge(self, Cursor *cursor, Judge judge) except -1:
        cdef int64_t branch = 0
        judge.require(take_long(cursor, &branch), self.path)
        if not 0 <= branch <= 1:
            raise Undecodable("malformed", f"{judge.record}: no such branch of the union - at `{self.path}`")
        return self.value.judge(cursor, judge) if branch else 0

    cdef int write(self, Sink *sink, object value) except -1:
        put_long(sink, value is not None)
        return 0 if value is None else self.value.write(sink, value)


cdef struct Block:
    int64_t items
    bint sized
    int64_t size
    const unsigned char *start


cdef Found take_block(Cursor *cursor, Block *block) noexcept:
    """A block's head: ``items`` is 0 at the end of the list; a negative count says that the block's size follows."""
    cdef Found found
    block.items = block.size = 0
    block.sized = False
    found = take_long(cursor, &block.items)
    if found == FOUND and block.items < 0:
        if block.items == INT64_MIN:
            return BROKEN
        block.items = -block.items
        block.sized = True
        found = take_long(cursor, &block.size)
    block.start = cursor.at
    return found


cdef inline bint of_another_size(Block *block, Cursor *cursor) noexcept:
    return block.sized and cursor.at - block.start != block.size


cdef class ItemsNode(Node):
    cdef Node item
    cdef str name
    cdef int64_t most
    cdef bint as_tuple

    cdef object read(self, Cursor *cursor):
        """One block is the usual form and becomes the tuple at once; a list may come in any number of them."""
        cdef Block block
        cdef int64_t items = 0
        found = None
        while True:
            if take_block(cursor, &block) != FOUND:
                raise Doubt
            if block.items == 0:
                break
            if block.items > self.most - items or block.items > cursor.end - cursor.at:
                raise Doubt
            items += block.items
            read = self.read_block(cursor, block.items)
            if of_another_size(&block, cursor):
                raise Doubt
            if found is None:
                found = read
            else:
                found = found if isinstance(found, list) else list(found)
                found.extend(read)
        if found is None:
            return () if self.as_tuple else []
        return tuple(found) if self.as_tuple else list(found)

    cdef tuple read_block(self, Cursor *cursor, int64_t count):
        cdef int64_t index
        cdef tuple read = PyTuple_New(count)
        for index in range(count):
            value = self.item.read(cursor)
            Py_INCREF(value)
            PyTuple_SET_ITEM(read, index, value)
        return read

    cdef int judge(self, Cursor *cursor, Judge judge) except -1:
        cdef Block block
        cdef int64_t index, items = 0
        while True:
            judge.require(take_block(cursor, &block), self.path)
            if block.items == 0:
                break
            for index in range(block.items):
                self.item.judge(cursor, judge)
            items += block.items
            if of_another_size(&block, cursor):
                raise Undecodable("malformed", f"{judge.record}: a block of another size - at `{self.path}`")
        return judge.count(self.name, items, self.most)

    cdef int write(self, Sink *sink, object value) except -1:
        cdef Py_ssize_t index, count
        cdef tuple items
        if not isinstance(value, (tuple, list)):
            raise self.misfit("tuple or list", value)
        items = value if type(value) is tuple else tuple(value)
        count = PyTuple_GET_SIZE(items)
        if count > self.most:
            raise ValueError(f"{self.name} has {count} items, at most {self.most} are allowed")
        if count:
            put_long(sink, count)
        for index in range(count):
            self.item.write(sink, <object>PyTuple_GET_ITEM(items, index))
        return put_long(sink, 0)


cdef class RecordNode(Node):
    cdef object struct
    cdef tuple names
    cdef tuple nodes
    cdef Py_ssize_t count
    cdef PyObject *node[FIELDS_MAX]
    cdef PyObject *name[FIELDS_MAX]

    cdef object read(self, Cursor *cursor):
        cdef PyObject *values[FIELDS_MAX]
        cdef Py_ssize_t index, read = 0
        try:
            for index in range(self.count):
                value = (<Node>self.node[index]).read(cursor)
                Py_INCREF(value)
                values[read] = <PyObject *>value
                read += 1
            return PyObject_Vectorcall(self.struct, values, read, NULL)
        finally:
            for index in range(read):
                Py_DECREF(<object>values[index])

    cdef int judge(self, Cursor *cursor, Judge judge) except -1:
        for node in self.nodes:
            (<Node>node).judge(cursor, judge)
        return 0

    cdef int write(self, Sink *sink, object value) except -1:
        cdef Py_ssize_t index
        if not isinstance(value, self.struct):
            raise self.misfit(self.struct.__name__, value)
        for index in range(self.count):
            (<Node>self.node[index]).write(sink, PyObject_GetAttr(value, <object>self.name[index]))
        return 0
