"""Every knob of tieout in one frozen object: environment first, then secret files, then one TOML file.

Invariant: a setting that nobody reads, a misspelt key, or a combination that would be unsafe never passes in
silence; ``load`` refuses it and says which key, why, and what to write instead. Each field carries its unit and
the reason for its default, from which ``docs/settings.md`` is generated.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from tieout.tables.codec import OLDEST_WRITTEN, STATE_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PREFIX = "TIEOUT_"
TOKEN_MIN_CHARACTERS = 22
"""128 bits in base64url."""

READ_ELSEWHERE = {
    "TIEOUT_CACHE_DIR": "where the embedded broker's jars are kept between runs",
    "TIEOUT_TRYTON_MODULE": "folder of the Tryton module trytond-tieout, where it is not beside the installed checkout",
    "TIEOUT_MAVEN_URL": "mirror that the embedded broker's jars are fetched from",
    "TIEOUT_FAULT_POINTS": "where a test kills or stops the process; never set it in production",
    "TIEOUT_FAULT_MARK": "file that a fault point writes when it is reached, for tests",
}
"""Variables with our prefix that are no settings of a worker: read where they are used, before there are settings."""


class SettingsRefused(ValueError):  # noqa: N818 - read aloud: these settings were refused
    """The settings cannot be used. ``problems`` holds one line per fault: what, where, what to do."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def _setting(default: Any, unit: str, reason: str, **limits: Any) -> Any:
    """A field with its unit and the reason for its default; ``limits`` are pydantic's ge, le, min_length."""
    return Field(default, description=reason, json_schema_extra={"unit": unit}, **limits)


class Settings(BaseSettings):
    """All settings, checked. Environment names are ``TIEOUT_`` and the field in capitals; TOML keys the field."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    config_file: Path | None = _setting(
        None, "path", "TOML file with any of these keys; environment wins over it"
    )
    secrets_dir: Path | None = _setting(
        None,
        "path",
        "directory with one file per secret (tieout_web_token), as container secrets are mounted",
    )

    bootstrap: str = _setting(
        "127.0.0.1:9092",
        "host:port, comma separated",
        "where `tieout broker start` listens unless told otherwise",
        min_length=3,
    )
    app_id: str = _setting(
        "tieout",
        "name",
        "prefix of consumer groups and transactional ids; two installations on one Kafka need two names",
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
    )
    worker_id: str = _setting(
        socket.gethostname().lower()[:64],
        "name",
        "static membership: the same name after a restart gets its partitions back in seconds. Each worker of an"
        " installation needs its own; by default the host's name",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
    )
    agents: Annotated[tuple[str, ...], NoDecode] = _setting(
        ("contracts", "control"),
        "names, comma separated",
        "agents that this worker runs; each has its own consumer group, so one can be restarted alone",
        min_length=1,
    )
    erp_file: Path | None = _setting(
        None,
        "path",
        "TOML file of the ERP accounts that the agent `posting` posts to; needed where this worker runs it",
    )
    state_dir: Path = _setting(
        Path(".tieout/state"),
        "path",
        "RocksDB rows per partition; safe to delete, it is restored from the changelog",
    )

    partitions: int = _setting(
        8,
        "partitions",
        "partitions of the inbox, fixed at creation; 64 in production leaves room to grow",
        ge=1,
        le=1024,
    )
    replication_factor: int = _setting(
        1, "copies", "copies of each topic; 1 suits the embedded broker, production needs 3", ge=1, le=7
    )

    transaction_max_records: int = _setting(
        5_000,
        "records",
        "above this, transactions cost nothing measurable and only latency grows",
        ge=1,
        le=100_000,
    )
    transaction_max_bytes: int = _setting(
        16 << 20,
        "bytes",
        "outputs, rows written and rows read by one transaction, above which it takes no more records",
        ge=64 << 10,
        le=1 << 30,
    )
    transaction_max_ms: int = _setting(
        50,
        "milliseconds",
        "longest time a transaction collects records: bounds the latency under load",
        ge=1,
        le=5_000,
    )
    transaction_idle_floor_ms: int = _setting(
        20,
        "milliseconds",
        "shortest time between transactions when little arrives; each costs about 2 ms of CPU",
        ge=0,
        le=5_000,
    )
    byte_budget_bytes: int = _setting(
        256 * 1024 * 1024,
        "bytes",
        "fetched and not yet committed records of one worker; feeding stops above it",
        ge=8 * 1024 * 1024,
    )
    batch_unpacked_max_bytes: int = _setting(
        64 * 1024 * 1024,
        "bytes",
        "a batch that unpacks to more halts its partition; compression could make one of gigabytes small enough to be sent",
        ge=1024 * 1024,
    )

    session_timeout_seconds: float = _setting(
        6.0,
        "seconds",
        "how long the group waits for a silent worker before it moves its partitions; 6 is the brokers' floor",
        ge=6.0,
        le=300.0,
    )
    commit_deadline_seconds: float = _setting(
        30.0,
        "seconds",
        "a commit that takes longer restarts the partition's task; below the transaction timeout",
        gt=0.0,
    )
    transaction_timeout_seconds: float = _setting(
        60.0,
        "seconds",
        "the broker aborts a transaction left open so long, and readers go on",
        gt=0.0,
        le=900.0,
    )
    tick_seconds: float = _setting(
        5.0,
        "seconds",
        "an idle partition writes itself a tick so often, so that timers fire without traffic",
        ge=0.1,
        le=86_400.0,
    )
    gap_timer_seconds: float = _setting(
        900.0,
        "seconds",
        "an event that waits longer for the version before it becomes an exception with an owner",
        gt=0.0,
        le=31_622_400.0,
    )

    state_version: int = _setting(
        STATE_VERSION,
        "version",
        "version of the rows that are written. In a rolling upgrade: the older release's, until no worker of it runs",
        ge=OLDEST_WRITTEN,
        le=STATE_VERSION,
    )

    web_host: str = _setting(
        "127.0.0.1", "address", "stats page and probes; any other than loopback needs web_token", min_length=1
    )
    web_port: int = _setting(0, "port", "0 takes a free port and logs it", ge=0, le=65_535)
    web_token: SecretStr | None = _setting(
        None,
        "secret",
        "bearer token (or basic-auth password) of page, metrics and API; probes need none. At least 128 bits",
    )

    codec: Literal["auto", "compiled", "fastavro"] = _setting(
        "auto",
        "name",
        "how a worker reads and writes Avro bodies: auto takes the compiled codec where it is installed; both give the same"
        " bytes",
    )
    log_format: Literal["auto", "json", "console"] = _setting(
        "auto", "name", "auto writes colour to a terminal and JSON lines to anything else"
    )
    log_level: Literal["debug", "info", "warning", "error"] = _setting(
        "info", "name", "least severe level of our own loggers; libraries log from warning on"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, secret files, TOML file; no dotenv, it is read from wherever one stands."""
        del dotenv_settings, file_secret_settings
        sources = [init_settings, env_settings]
        given = init_settings()
        if secrets := given.get("secrets_dir") or os.environ.get(PREFIX + "SECRETS_DIR"):
            sources.append(SecretsSettingsSource(settings_cls, secrets_dir=secrets))
        if config := given.get("config_file") or os.environ.get(PREFIX + "CONFIG_FILE"):
            sources.append(TomlConfigSettingsSource(settings_cls, toml_file=config))
        return tuple(sources)

    @field_validator("agents", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(name.strip() for name in value.split(",") if name.strip())
        return value

    @field_validator("web_token")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < TOKEN_MIN_CHARACTERS:
            raise ValueError(
                f"the token is shorter than {TOKEN_MIN_CHARACTERS} characters (128 bits); make one with:"
                " python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return value

    @model_validator(mode="after")
    def _safe_together(self) -> Self:
        if "posting" in self.agents and self.erp_file is None:
            raise ValueError(
                "the agent posting needs to know its ERP accounts; name their file with TIEOUT_ERP_FILE (docs/erps.md)"
            )
        if not is_loopback(self.web_host) and self.web_token is None:
            raise ValueError(
                f"web_host {self.web_host} can be reached from other machines and web_token is not set; set"
                " TIEOUT_WEB_TOKEN (or a file tieout_web_token in secrets_dir), or use web_host 127.0.0.1"
            )
        if self.commit_deadline_seconds >= self.transaction_timeout_seconds:
            raise ValueError(
                "commit_deadline_seconds must be below transaction_timeout_seconds: otherwise the broker aborts"
                " a transaction that the worker still believes in"
            )
        if self.transaction_max_ms >= self.commit_deadline_seconds * 1000:
            raise ValueError(
                "transaction_max_ms must be below commit_deadline_seconds: a transaction may not collect records for"
                " longer than its commit may take"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address) can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def load(config_file: Path | None = None, **given: Any) -> Settings:
    """Read the settings once, at start. ``given`` (command-line options) wins over everything.

    Raises:
        SettingsRefused: unknown keys (with the nearest known one), values out of range, unsafe combinations.

    """
    problems = list(_unknown_environment())
    path = config_file or os.environ.get(PREFIX + "CONFIG_FILE")
    if path is not None and not Path(path).is_file():
        raise SettingsRefused([*problems, f"{path}: there is no such settings file; check the path"])
    secrets = given.get("secrets_dir") or os.environ.get(PREFIX + "SECRETS_DIR")
    if secrets is not None and not Path(secrets).is_dir():
        raise SettingsRefused(
            [*problems, f"{secrets}: there is no such directory of secrets; check secrets_dir"]
        )
    options = {name: value for name, value in given.items() if value is not None}
    if config_file is not None:
        options["config_file"] = config_file
    try:
        settings = Settings(**options)
    except ValidationError as refused:
        raise SettingsRefused([*problems, *_explained(refused)]) from None
    except (ValueError, OSError) as unreadable:
        raise SettingsRefused([*problems, f"{path or 'settings'}: cannot be read: {unreadable}"]) from None
    if problems:
        raise SettingsRefused(problems)
    return settings


def _unknown_environment() -> Iterator[str]:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | set(READ_ELSEWHERE)
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            yield f"{name}: no such setting{_hint(name, known)}"


def _explained(refused: ValidationError) -> Iterator[str]:
    for error in refused.errors(include_input=False, include_url=False):
        name = str(error["loc"][0]) if error["loc"] else ""
        if error["type"] == "extra_forbidden":
            yield f"{name}: no such setting{_hint(name, set(Settings.model_fields))}"
        else:
            message = error["msg"].removeprefix("Value error, ")
            yield f"{name} ({PREFIX}{name.upper()}): {message}" if name else message


def _hint(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else "; `tieout config show` lists all of them"


def origins(settings: Settings) -> dict[str, str]:
    """Where each value came from: default, environment, or set (option, secret file or TOML file)."""
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        if name not in settings.model_fields_set:
            found[name] = "default"
        elif PREFIX + name.upper() in os.environ:
            found[name] = "environment"
        else:
            found[name] = "file or option"
    return found


def shown(settings: Settings) -> dict[str, str | int | float | bool | list[str] | None]:
    """All values as JSON can carry them, secrets masked."""
    values: dict[str, Any] = settings.model_dump(mode="json")
    for name in values:
        if isinstance(getattr(settings, name), SecretStr):
            values[name] = "(set, not shown)"
    return values


def reference() -> str:
    """``docs/settings.md``, from the model."""
    rows = [
        "# Settings",
        "",
        "Generated from `streams/settings.py` (`tieout config reference`); a test fails when it is out of date.",
        "Order: command-line option, environment, file in `secrets_dir`, TOML file, default. An unknown key is an",
        "error.",
        "",
        "| key | environment | unit | default | why |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, field in Settings.model_fields.items():
        extra = field.json_schema_extra
        unit = extra["unit"] if isinstance(extra, dict) else ""
        default = "the host's name" if name == "worker_id" else _default_text(field.default)
        rows.append(f"| `{name}` | `{PREFIX}{name.upper()}` | {unit} | {default} | {field.description} |")
    rows += ["", "Not settings of a worker, but read from the environment as well:", ""]
    rows += [f"- `{name}`: {meaning}" for name, meaning in READ_ELSEWHERE.items()]
    return "\n".join(rows) + "\n"


def _default_text(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, tuple):
        return "`" + ",".join(value) + "`"
    return f"`{value}`"
