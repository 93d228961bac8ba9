"""Style as a test: sizes, purity, words, links. Each rule is proved to catch a planted violation."""

import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("avro/", "tables/", "agents/", "streams/")
PURE = ("avro/", "tables/", "agents/")
SELF = "tests/test_tidy.py"  # it has to spell what it bans
ADAPTER = "tables/rocksdb_store.py"  # the one module of tables/ that does I/O
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 50  # without the docstring
COMPILED_COLUMNS_MAX = 120
THIRD_PARTY_IN_PURE = {"msgspec", "fastavro", "tieout"}
IMPURE_STDLIB = set(
    re.findall(
        r"\w+",
        """asyncio concurrent ctypes http logging multiprocessing os random secrets select signal socket socketserver
        sqlite3 ssl subprocess tempfile threading time urllib uuid""",
    )
)
BANNED_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "processor", "misc", "stuff"}


@dataclass(frozen=True)
class Source:
    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def comments(self) -> list[tuple[int, str]]:
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]


Check = Callable[[Source], Iterator[str]]


@dataclass(frozen=True)
class Rule:
    applies: Callable[[str], bool]
    check: Check


def is_python(path: str) -> bool:
    return path.endswith(".py")


def is_compiled(path: str) -> bool:
    return path.endswith((".pyx", ".pxi"))


def has_lines(path: str) -> bool:
    return is_python(path) or is_compiled(path)


def in_packages(path: str) -> bool:
    return is_python(path) and path.startswith(PACKAGES)


def is_pure(path: str) -> bool:
    return is_python(path) and path.startswith(PURE) and path != ADAPTER


def decides_money(path: str) -> bool:
    return is_pure(path) and path.startswith(("tables/", "agents/"))


def judges(path: str) -> bool:
    return is_python(path) and path.startswith("tests/oracle/")


def is_anything(path: str) -> bool:
    return path != SELF


def short_module(source: Source) -> Iterator[str]:
    lines = source.text.count("\n")
    if lines > MODULE_LINES_MAX:
        yield f"{lines} lines; at most {MODULE_LINES_MAX}: split it by idea"


def short_functions(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            last_of_docstring = first.end_lineno if ast.get_docstring(node) is not None else None
            lines = node.end_lineno - (last_of_docstring or node.lineno - 1)
            if lines > FUNCTION_LINES_MAX:
                yield f"{node.lineno}: {node.name} has {lines} lines; at most {FUNCTION_LINES_MAX}"


def module_docstring(source: Source) -> Iterator[str]:
    if not ast.get_docstring(source.tree):
        yield "1: no docstring saying why the module exists and which invariant it keeps"


def compiled_docstring(source: Source) -> Iterator[str]:
    if not re.match(r'(#.*\n)*"""\w', source.text):
        yield "1: no docstring saying why the module exists and which invariant it keeps"


def compiled_line_length(source: Source) -> Iterator[str]:
    """What ruff does for Python: it does not read Cython."""
    for number, line in enumerate(source.text.splitlines(), 1):
        if len(line) > COMPILED_COLUMNS_MAX:
            yield f"{number}: {len(line)} columns; at most {COMPILED_COLUMNS_MAX}"


def imports(source: Source) -> Iterator[tuple[int, str]]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or "." * node.level
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def pure_imports(source: Source) -> Iterator[str]:
    for line, module in imports(source):
        root = module.partition(".")[0]
        pure_stdlib = root in sys.stdlib_module_names and root not in IMPURE_STDLIB
        if not (pure_stdlib or root in THIRD_PARTY_IN_PURE):
            yield f"{line}: a pure module imports {module}"


def independent_oracle(source: Source) -> Iterator[str]:
    for line, module in imports(source):
        if f"{module}.".startswith(("tieout.agents.", "tieout.tables.")):
            yield f"{line}: the oracle imports {module}: it would judge the product by the product"


def pure_calls(source: Source) -> Iterator[str]:
    reads = set() if source.path.startswith("avro/") else {"read_text", "read_bytes"}
    methods = {"utcnow", "today", "write_text", "write_bytes", "unlink", "mkdir"} | reads
    for node in ast.walk(source.tree):
        if isinstance(node, ast.AsyncFunctionDef | ast.Await):
            yield f"{node.lineno}: a pure module waits for something"
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name("open" | "input" | "print" | "eval" | "exec" as name):
                yield f"{node.lineno}: a pure module calls {name}()"
            case ast.Name("hash" | "id" as name):
                yield f"{node.lineno}: {name}() differs between processes"
            case ast.Attribute(ast.Name("datetime") | ast.Attribute(attr="datetime"), "now"):
                yield f"{node.lineno}: a pure module reads the clock"
            case ast.Attribute(attr=name) if name in methods:
                yield f"{node.lineno}: a pure module calls .{name}()"


def durations(tree: ast.Module) -> Iterator[ast.expr]:
    """Values given to names that end in _seconds: waiting is no money."""
    for node in ast.walk(tree):
        match node:
            case ast.keyword(str(name), value) if name.endswith("_seconds"):
                yield value
            case ast.Assign([ast.Name(name)], value) | ast.AnnAssign(ast.Name(name), _, ast.expr() as value):
                if name.lower().endswith("_seconds"):
                    yield value
            case ast.arguments(kwonlyargs=names, kw_defaults=defaults):
                yield from (
                    default
                    for arg, default in zip(names, defaults, strict=True)
                    if arg.arg.endswith("_seconds")
                )


def exact_numbers(source: Source) -> Iterator[str]:
    waits = list(durations(source.tree))
    for node in ast.walk(source.tree):
        match node:
            case ast.Constant(float()) if node not in waits:
                yield f"{node.lineno}: a float literal where amounts are decided"
            case ast.Call(ast.Name("float")):
                yield f"{node.lineno}: float() where amounts are decided"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield f"{node.lineno}: / makes a float of two integers; use // or Fraction(a, b)"


def reasons_beside_exemptions(source: Source) -> Iterator[str]:
    """The first exemption from a rule in a file says why; the same exemption again needs no words."""
    explained: set[str] = set()
    for line, comment in source.comments:
        match = re.search(
            r"\bnoqa(?:: ([A-Z]+\d+(?:, ?[A-Z]+\d+)*))?(.*)|\btype: ignore(?:\[([\w, -]+)\])?(.*)", comment
        )
        if not match:
            continue
        rule, reason = match[1] or match[3], match[2] or match[4] or ""
        if rule and re.search(r"^\s+[-#]\s*\w.*\s\w", reason):
            explained.add(rule)
        elif not rule or rule not in explained:
            yield f"{line}: an exemption names its rule and its reason: '# noqa: X1 - why', '# type: ignore[x]  # why'"


def finished_work(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME)\b", line):
            yield f"{number}: unfinished work belongs into the tracker"


def finished_comments(source: Source) -> Iterator[str]:
    for line, comment in source.comments:
        if re.search(r"\b(XXX|HACK)\b", comment):
            yield f"{line}: unfinished work belongs into the tracker"


def telling_names(source: Source) -> Iterator[str]:
    for part in Path(source.path).parts:
        if part.partition(".")[0] in BANNED_NAMES:
            yield f"{part} says nothing about what is inside"


def no_registry_hosts(source: Source) -> Iterator[str]:
    hosts = r"pypi\.org|pythonhosted\.org|repo1?\.maven|maven\.org|npmjs\.(org|com)|artifactory|nexus|gcr\.io|ghcr\.io|quay\.io"
    for number, line in enumerate(source.text.splitlines(), 1):
        if re.search(rf"\b({hosts})\b", line):
            yield f"{number}: a registry's host: package clients know their own"


def no_machine_paths(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if re.search(r"(?<![\w.~/}])/(work|root|home|Users)/[\w.]|\b[A-Z]:\\\\?\w", line):
            yield f"{number}: an absolute path of one machine"


def assertions_stay_on(source: Source) -> Iterator[str]:
    for number, line in enumerate(source.text.splitlines(), 1):
        if re.search(r"\bpython[\d.]*[\"', ]+-O|PYTHONOPTIMIZE", line):
            yield f"{number}: the core's assertions guard money and stay on"


RULES: dict[str, Rule] = {
    "short_module": Rule(has_lines, short_module),
    "short_functions": Rule(in_packages, short_functions),
    "module_docstring": Rule(in_packages, module_docstring),
    "compiled_docstring": Rule(is_compiled, compiled_docstring),
    "compiled_line_length": Rule(is_compiled, compiled_line_length),
    "pure_imports": Rule(is_pure, pure_imports),
    "independent_oracle": Rule(judges, independent_oracle),
    "pure_calls": Rule(is_pure, pure_calls),
    "exact_numbers": Rule(decides_money, exact_numbers),
    "reasons_beside_exemptions": Rule(is_python, reasons_beside_exemptions),
    "finished_work": Rule(is_anything, finished_work),
    "finished_comments": Rule(is_python, finished_comments),
    "telling_names": Rule(is_anything, telling_names),
    "no_registry_hosts": Rule(is_anything, no_registry_hosts),
    "no_machine_paths": Rule(is_anything, no_machine_paths),
    "assertions_stay_on": Rule(is_anything, assertions_stay_on),
}


def tracked_files() -> list[str]:
    """What git tracks; where there is no git (a source archive), all files outside the build folders."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode == 0:
        paths = [path for path in listed.stdout.split("\0") if path]
    else:
        skipped = {".venv", ".git", "build", "dist", "__pycache__"}
        every = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        paths = [path.as_posix() for path in every if not skipped & set(path.parts)]
    return [path for path in paths if (ROOT / path).is_file() and not (ROOT / path).is_symlink()]


@cache
def sources() -> list[Source]:
    found = []
    for path in tracked_files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content[:8192]:
            found.append(Source(path, content.decode("utf-8")))
    return found


@pytest.mark.parametrize("name", RULES)
def test_the_tree_keeps_the_rule(name):
    rule = RULES[name]
    kept = [
        f"{source.path}:{problem}"
        for source in sources()
        if rule.applies(source.path)
        for problem in rule.check(source)
    ]
    assert not kept, "\n".join(kept)


PLANTED = [
    ("short_module", "tests/long.py", "x = 1\n" * 401),
    ("short_module", "avro/long.pyx", "x = 1\n" * 401),
    ("compiled_docstring", "avro/silent.pyx", "# cython: language_level=3\ncdef int x = 1\n"),
    ("compiled_line_length", "avro/wide.pxi", "x = 1" + " " * 116 + "\n"),
    ("short_functions", "agents/long.py", "def f():\n" + "    x = 1\n" * 50),
    ("short_functions", "streams/long.py", 'async def f():\n    """Doc."""\n' + "    x = 1\n" * 51),
    ("module_docstring", "streams/silent.py", "x = 1\n"),
    ("pure_imports", "agents/a.py", "import time\n"),
    ("pure_imports", "agents/a.py", "from datetime import date\nimport os.path\n"),
    ("pure_imports", "tables/a.py", "def f():\n    from random import choice\n"),
    ("pure_imports", "avro/a.py", "from uuid import uuid4\n"),
    ("pure_imports", "tables/store.py", "import rocksdict\n"),
    ("pure_imports", "agents/a.py", "from . import decide\n"),
    ("independent_oracle", "tests/oracle/a.py", "from tieout.agents.contracts import decide\n"),
    ("independent_oracle", "tests/oracle/a.py", "from tieout import tables\n"),
    ("pure_calls", "agents/a.py", "from datetime import datetime\nat = datetime.now()\n"),
    ("pure_calls", "agents/a.py", "import datetime\nat = datetime.datetime.now(tz)\n"),
    ("pure_calls", "agents/a.py", "from datetime import date\non = date.today()\n"),
    ("pure_calls", "tables/a.py", "with open('x') as f:\n    pass\n"),
    ("pure_calls", "tables/a.py", "def f(path):\n    return path.read_text()\n"),
    ("pure_calls", "avro/a.py", "def f(path):\n    path.write_text('')\n"),
    ("pure_calls", "agents/a.py", "async def f():\n    pass\n"),
    ("pure_calls", "agents/a.py", "def f(name):\n    return hash(name) % 8\n"),
    ("exact_numbers", "agents/a.py", "rate = 0.5\n"),
    ("exact_numbers", "tables/a.py", "def f(x):\n    return float(x)\n"),
    ("exact_numbers", "agents/a.py", "def f(a, b):\n    return a / b\n"),
    ("exact_numbers", "agents/a.py", "def f(a, b):\n    a /= b\n    return a\n"),
    ("reasons_beside_exemptions", "streams/a.py", "x = 1  # noqa\n"),
    ("reasons_beside_exemptions", "streams/a.py", "x = 1  # noqa: E501\n"),
    ("reasons_beside_exemptions", "streams/a.py", "x = 1  # noqa: E501 - the reason\ny = 1  # noqa: E741\n"),
    ("reasons_beside_exemptions", "streams/a.py", "x = f()  # type: ignore\n"),
    ("reasons_beside_exemptions", "streams/a.py", "x = f()  # type: ignore[misc]\n"),
    ("finished_work", "docs/a.md", "TODO: write\n"),
    ("finished_work", "streams/a.py", "# FIXME later\n"),
    ("finished_comments", "streams/a.py", "x = 1  # XXX\n"),
    ("finished_comments", "streams/a.py", "x = 1  # HACK around it\n"),
    ("telling_names", "streams/utils.py", ""),
    ("telling_names", "agents/common/decide.py", ""),
    ("no_registry_hosts", "pyproject.toml", "index-url = 'https://pypi.org/simple'\n"),
    ("no_registry_hosts", "Dockerfile", "FROM ghcr.io/a/b\n"),
    ("no_machine_paths", "docs/a.md", "see /home/me/notes\n"),
    ("no_machine_paths", "streams/a.py", 'x = "/root/.cache"\n'),
    ("assertions_stay_on", "Dockerfile", 'CMD ["python", "-O", "-m", "x"]\n'),
    ("assertions_stay_on", "Makefile", "python3.11 -OO x.py\n"),
]


@pytest.mark.parametrize(("name", "path", "text"), PLANTED)
def test_the_rule_catches_a_planted_violation(name, path, text):
    rule = RULES[name]
    assert rule.applies(path)
    assert list(rule.check(Source(path, text)))


def test_every_rule_has_a_planted_violation():
    assert {name for name, _, _ in PLANTED} == set(RULES)


def test_good_code_passes_every_rule():
    good = Source(
        "agents/good.py",
        '"""Why."""\n\nfrom fractions import Fraction\n\nfrom tieout.tables import keys\n\n'
        "HALF = Fraction(1, 2)  # noqa: X1 - a reason\n\n\ndef share(amount: int, *, now: int, wait_seconds: float = 0.5) -> int:\n    return amount // 2 + now\n",
    )
    assert [
        problem for rule in RULES.values() if rule.applies(good.path) for problem in rule.check(good)
    ] == []


def unlisted_packages(python_files: list[str], listed: list[str]) -> set[str]:
    folders = {
        "tieout." + ".".join(Path(path).parent.parts) for path in python_files if path.startswith(PACKAGES)
    }
    return folders ^ set(listed)


def test_every_package_folder_is_listed_in_pyproject():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    files = [path for path in tracked_files() if is_python(path)]
    assert unlisted_packages(files, listed) == set()
    elsewhere = ("benchmarks/", "erp/")  # erp/: a package of its own, installed where the ERP runs
    installed = [path for path in files if not path.startswith(elsewhere)]
    with_init = {str(Path(path).parent) for path in installed if path.endswith("/__init__.py")}
    assert {str(Path(path).parent) for path in files if path.startswith(PACKAGES)} == with_init


def test_a_package_folder_that_is_not_listed_is_caught():
    assert unlisted_packages(["agents/a.py", "agents/new/b.py"], ["tieout.agents"]) == {"tieout.agents.new"}
    assert unlisted_packages(["agents/a.py"], ["tieout.agents", "tieout.agents.gone"]) == {
        "tieout.agents.gone"
    }
