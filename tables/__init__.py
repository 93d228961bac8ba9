"""What is remembered: row shapes, pure transitions, and the stores that keep committed rows."""

if __name__ == "tables":
    raise ImportError("import tieout.tables, not tables: the folders install under the tieout namespace")
