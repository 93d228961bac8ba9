"""Where it flows: everything that touches bytes, brokers, time and HTTP."""

if __name__ == "streams":
    raise ImportError("import tieout.streams, not streams: the folders install under the tieout namespace")
