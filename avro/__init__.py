"""What is said: the event language, one schema file per record and version, with the records in Python."""

if __name__ == "avro":
    raise ImportError("import tieout.avro, not avro: the folders install under the tieout namespace")
