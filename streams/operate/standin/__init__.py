"""The stand-in ERP: fast, scriptable, with a real journal on disk. For tests, load and the demo; it is nobody's ERP."""
