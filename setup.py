"""The compiled parts, which an install can do without: where no C compiler is found, pip goes on and fastavro runs.

Everything else about the build stands in pyproject.toml.
"""

from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = ("canonical", "codec")


class BuiltFromHere(build_ext):
    """A build into this folder that cannot compile leaves nothing: what an older source made would go on being used."""

    def run(self) -> None:
        if self.inplace or self.editable_mode:
            for name in COMPILED:
                built = Path(self.get_ext_filename(f"tieout.avro.compiled_{name}"))
                (Path("avro") / built.name).unlink(missing_ok=True)
                (Path(self.build_lib) / built).unlink(missing_ok=True)
        super().run()


setup(
    cmdclass={"build_ext": BuiltFromHere},
    ext_modules=[
        Extension(
            f"tieout.avro.compiled_{name}",
            [f"avro/compiled_{name}.pyx"],
            depends=["avro/compiled_nodes.pxi", "avro/compiled_wire.pxi"],
            optional=True,
        )
        for name in COMPILED
    ],
)
