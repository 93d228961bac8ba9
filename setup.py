"""The compiled parts, which an install can do without: where no C compiler is found, pip goes on and fastavro runs.

Everything else about the build stands in pyproject.toml.
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "tieout.avro.compiled_codec",
            ["avro/compiled_codec.pyx"],
            depends=["avro/compiled_wire.pxi"],
            optional=True,
        ),
    ]
)
