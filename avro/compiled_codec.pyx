# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False
"""One record type, compiled: bytes straight into the class and back, along the shape of schema and class.

Invariant: ``decode`` builds only what is within every limit of the shape, and reads to the last byte; otherwise it
raises Undecodable with the reason that fastavro_codec.py, the reference, would give.
"""

from libc.stdlib cimport free

from tieout.avro import shapes
from tieout.avro.refusals import Unencodable

include "compiled_nodes.pxi"

cdef extern from "Python.h":
    Py_ssize_t PY_SSIZE_T_MAX


cdef Node node_of(object shape, str path, str name):
    """The node of a shape, its path from the record written as msgspec writes it."""
    cdef Node node
    if isinstance(shape, shapes.Record):
        node = record_node(shape, path)
    elif isinstance(shape, shapes.Items):
        node = items_node(shape, path, name)
    elif isinstance(shape, shapes.Optional):
        node = OptionalNode()
        (<OptionalNode>node).value = node_of(shape.value, path, name)
    elif isinstance(shape, shapes.Text):
        node = TextNode()
        (<TextNode>node).low = shape.low
        (<TextNode>node).high = PY_SSIZE_T_MAX if shape.high is None else shape.high
    elif isinstance(shape, shapes.Whole):
        node = whole_node(shape)
    elif isinstance(shape, shapes.Fixed):
        node = FixedNode()
        (<FixedNode>node).size = shape.size
    else:
        assert isinstance(shape, shapes.Flag), shape
        node = FlagNode()
    node.path = path
    return node


cdef WholeNode whole_node(object shape):
    cdef WholeNode node = WholeNode()
    node.low, node.high = shape.low, shape.high
    node.least, node.largest = -(1 << (shape.bits - 1)), (1 << (shape.bits - 1)) - 1
    return node


cdef ItemsNode items_node(object shape, str path, str name):
    cdef ItemsNode node = ItemsNode()
    node.item = node_of(shape.item, f"{path}[...]", name)
    node.name = name
    node.most = shape.most
    node.as_tuple = shape.kind == "tuple"
    return node


cdef RecordNode record_node(object shape, str path):
    cdef RecordNode node = RecordNode()
    cdef Py_ssize_t index
    node.path = path
    node.count = len(shape.fields)
    assert node.count <= FIELDS_MAX, shape.name
    node.struct = shape.struct
    node.names = tuple([name for name, _ in shape.fields])
    node.nodes = tuple([node_of(inner, f"{path}.{name}", name) for name, inner in shape.fields])
    for index in range(node.count):
        node.node[index] = <PyObject *>PyTuple_GET_ITEM(node.nodes, index)
        node.name[index] = <PyObject *>PyTuple_GET_ITEM(node.names, index)
    return node


cdef class CompiledRecords:
    """Reads and writes records of one class; see ``record_codec.RecordCodec``."""

    cdef RecordNode root
    cdef str record

    def __init__(self, shape):
        self.record = shape.name
        self.root = record_node(shape, "$")

    def decode(self, bytes value not None, Py_ssize_t offset=0):
        cdef Cursor cursor
        cursor.at = <const unsigned char *>PyBytes_AS_STRING(value)
        cursor.end = cursor.at + PyBytes_GET_SIZE(value)
        if not 0 <= offset <= PyBytes_GET_SIZE(value):
            raise Undecodable("truncated", f"{self.record}: {REASONS['truncated']}")
        cursor.at += offset
        try:
            message = self.root.read(&cursor)
        except (Doubt, UnicodeDecodeError):
            cursor.at = <const unsigned char *>PyBytes_AS_STRING(value) + offset
            raise self.refusal(&cursor) from None
        if cursor.at != cursor.end:
            raise self.too_long(&cursor)
        return message

    cdef object too_long(self, Cursor *cursor):
        return Undecodable("trailing_bytes", f"{self.record}: {cursor.end - cursor.at} bytes too many")

    cdef object refusal(self, Cursor *cursor):
        """The reason why reading has stopped at these bytes."""
        judge = Judge(self.record)
        try:
            self.root.judge(cursor, judge)
        except Undecodable as refused:
            return refused
        if cursor.at != cursor.end:
            return self.too_long(cursor)
        if judge.too_many is not None:
            return Undecodable("too_many_items", f"{self.record}: {judge.too_many}")
        assert judge.out_of_bounds is not None, "what reading refuses, the judge has a reason for"
        return Undecodable("malformed", f"{self.record}: {judge.out_of_bounds}")

    def encode(self, message, bytes head not None=b""):
        cdef Sink sink
        sink.start = sink.at = sink.end = NULL
        try:
            put_bytes(&sink, PyBytes_AS_STRING(head), PyBytes_GET_SIZE(head))
            self.root.write(&sink, message)
            return PyBytes_FromStringAndSize(<const char *>sink.start, sink.at - sink.start)
        except (TypeError, ValueError, OverflowError, AttributeError) as error:
            raise Unencodable(f"{type(message).__name__} does not fit its schema: {error}") from error
        finally:
            free(sink.start)
