"""The compiled parts, which an install can do without: where no C compiler is found, pip goes on and fastavro runs.

Everything else about the build stands in pyproject.toml.
"""

from setuptools import Extension, setup

COMPILED = ("canonical", "codec")

setup(
    ext_modules=[
        Extension(
            f"tieout.avro.compiled_{name}",
            [f"avro/compiled_{name}.pyx"],
            depends=["avro/compiled_nodes.pxi", "avro/compiled_wire.pxi"],
            optional=True,
        )
        for name in COMPILED
    ]
)
