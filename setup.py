"""The compiled parts, which an install can do without: where no C compiler is found, pip goes on and fastavro runs.

Each part carries the digest of the sources that it was built from (avro/built_from.py). Everything else about the build
stands in pyproject.toml.
"""

import runpy
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = ("canonical", "codec")
AVRO = Path(__file__).parent / "avro"
DIGEST = runpy.run_path(str(AVRO / "built_from.py"))["source_digest"](AVRO)


class BuiltFromHere(build_ext):
    """Every build starts from the sources, so that the digest is theirs; and a build into this folder that cannot compile
    leaves nothing.
    """

    def run(self) -> None:
        self.force = True
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
            define_macros=[("SOURCE_DIGEST_HERE", f"{DIGEST:#x}ULL")],
            optional=True,
        )
        for name in COMPILED
    ],
)
