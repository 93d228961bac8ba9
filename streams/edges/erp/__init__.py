"""ERPs behind one port: ``tryton``, ``rest`` (by profile) and ``standin``."""
