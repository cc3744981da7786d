"""Where this installation keeps things. The only place that reads the environment."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from wharf.errors import LakeError, SettingsError, disk_is_full, no_room

S3 = {
    "endpoint": "WHARF_S3_ENDPOINT",
    "access_key_id": "WHARF_S3_ACCESS_KEY_ID",
    "secret_access_key": "WHARF_S3_SECRET_ACCESS_KEY",
    "region": "WHARF_S3_REGION",
}
CATALOG = {
    "token": "WHARF_CATALOG_TOKEN",
    "credential": "WHARF_CATALOG_CREDENTIAL",
    "scope": "WHARF_CATALOG_SCOPE",
    "oauth2_server_uri": "WHARF_CATALOG_OAUTH_URL",
    "warehouse": "WHARF_CATALOG_WAREHOUSE",
}


@dataclass(frozen=True)
class Connection:
    """Credentials and address of one supplier or service, already resolved."""

    id: str
    kind: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, object] = field(default_factory=dict, repr=False)

    @property
    def root(self) -> str:
        """The folder (`local`) or base address (`http`) that paths are relative to."""
        return str(self.extra.get("root") or self.extra.get("path") or self.host)


@dataclass(frozen=True)
class Settings:
    """Where this installation keeps its state and who it talks to."""

    home: Path
    project: Path
    env: str
    ledger_url: str
    catalog_url: str
    warehouse: str
    landing: str
    spark_master: str
    look_every: timedelta
    tick_every: timedelta
    airflow_url: str
    portal_url: str
    heartbeat: str = ""
    """The connection that hears of every tick; empty for none."""
    group_wait: timedelta = timedelta(seconds=120)
    """How long one late feed waits for others of its supplier before its message leaves."""
    rerun_wait: timedelta = timedelta(seconds=60)
    """How long a change of an input waits for others before products are made again."""
    upload_limit: int = 512 * 1024**2
    """The most bytes of a file handed in on the board."""
    memory: int = 2 * 1024**3
    """Bytes of memory that the database may take to stage or audit a delivery."""
    threads: int = 0
    """Threads that it may use; 0 for one a core."""
    airflow_kept: timedelta = timedelta(days=90)
    """How long Airflow's own database keeps runs and logs; zero for ever."""
    airflow_database: str = field(default="", repr=False)
    """Address of Airflow's own database; empty where its configuration file says it."""
    s3: Mapping[str, str] = field(default_factory=dict, repr=False)
    catalog: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What a REST catalog wants to know of us."""

    @property
    def sends_outside(self) -> bool:
        """Whether messages leave: `prod` to the world, `demo` to its local receivers."""
        return self.env in {"prod", "demo"}

    @property
    def keeps_expectations(self) -> bool:
        """Whether expected deliveries are kept (not in a person's own environment)."""
        return self.env in {"prod", "demo"}

    @property
    def portal(self) -> Path:
        """Folder of the static portal."""
        return self.home / "portal"

    @property
    def results(self) -> Path:
        """Folder of audit results, one JSON and one page for each batch."""
        return self.home / "results"

    @property
    def models(self) -> Path:
        """Folder of model artifacts (zips)."""
        return self.home / "models"

    @property
    def work(self) -> Path:
        """Folder for temporary files of a running step."""
        return self.home / "work"

    @contextmanager
    def workplace(self, name: str) -> Iterator[Path]:
        """An empty folder below `work`, for as long as it takes.

        Raises:
            LakeError: Its disk is full; whichever library met that, and whatever it made of it.
        """
        folder = self.work / name
        try:
            self.work.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.work))
            yield folder
        except Exception as error:
            if disk_is_full(error):
                raise LakeError(no_room(str(self.work))) from error
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment.

    Args:
        environ: Variables to read; the process's own when None.

    Raises:
        SettingsError: A value is malformed; the message names the variable and the choices.
    """
    env = os.environ if environ is None else environ
    home = Path(env.get("WHARF_HOME") or ".wharf").absolute()
    is_demo = (home / "project").is_dir()
    name = env.get("WHARF_ENV") or ("demo" if is_demo else "prod")
    if name not in {"prod", "demo"} and not name.startswith("dev_"):
        raise SettingsError(f"WHARF_ENV is {name!r}; use prod, demo or dev_<name>")
    project = env.get("WHARF_PROJECT") or (home / "project" if is_demo else shipped_project())
    return Settings(
        home=home,
        project=Path(project).absolute(),
        env=name,
        ledger_url=env.get("WHARF_LEDGER_URL") or f"sqlite:///{home}/ledger.db",
        catalog_url=env.get("WHARF_CATALOG_URL") or f"sqlite:///{home}/catalog.db",
        warehouse=env.get("WHARF_WAREHOUSE") or f"file://{home}/lake",
        landing=env.get("WHARF_LANDING") or f"file://{home}/landing",
        spark_master=env.get("WHARF_SPARK_MASTER") or "local[*]",
        look_every=_seconds(env, "WHARF_LOOK_EVERY", 60),
        tick_every=_seconds(env, "WHARF_TICK_EVERY", 60),
        airflow_url=env.get("WHARF_AIRFLOW_URL") or "http://127.0.0.1:8080",
        portal_url=env.get("WHARF_PORTAL_URL") or "",
        heartbeat=env.get("WHARF_HEARTBEAT") or "",
        group_wait=_seconds(env, "WHARF_GROUP_WAIT", 120, least=0),
        rerun_wait=_seconds(env, "WHARF_RERUN_WAIT", 60, least=0),
        upload_limit=_megabytes(env, "WHARF_UPLOAD_LIMIT_MB", 512),
        memory=_megabytes(env, "WHARF_MEMORY_MB", 2048),
        threads=_threads(env),
        airflow_kept=_days(env, "WHARF_AIRFLOW_KEEP_DAYS", 90),
        airflow_database=env.get("WHARF_AIRFLOW_DATABASE") or "",
        s3=_given(env, S3),
        catalog=_given(env, CATALOG),
    )


def environment_connection(
    connection_id: str, environ: Mapping[str, str] | None = None
) -> Connection:
    """Resolve a connection from `AIRFLOW_CONN_<ID>`, for work outside Airflow.

    Args:
        connection_id: The id that a contract names.
        environ: Variables to read; the process's own when None.

    Raises:
        SettingsError: The variable is absent or not a JSON object or address.
    """
    env = os.environ if environ is None else environ
    variable = f"AIRFLOW_CONN_{connection_id.upper()}"
    value = env.get(variable)
    if not value:
        raise SettingsError(
            f"connection {connection_id!r} is not set; export {variable} as a JSON object, "
            'for example {"conn_type": "local", "extra": {"root": "/data/inbox"}} for a folder, '
            '{"conn_type": "http", "password": "..."} for a channel (docs/channels.md)'
        )
    return parse_connection(connection_id, value)


def stored_connection(settings: Settings, connection_id: str) -> Connection:
    """Resolve a connection from the environment, else from `connections.json` below the home.

    Raises:
        SettingsError: It is in neither; the message says how to add it.
    """
    file = settings.home / "connections.json"
    if f"AIRFLOW_CONN_{connection_id.upper()}" not in os.environ and file.exists():
        stored = json.loads(file.read_text(encoding="utf-8"))
        if connection_id in stored:
            return parse_connection(connection_id, json.dumps(stored[connection_id]))
    return environment_connection(connection_id)


def parse_connection(connection_id: str, value: str) -> Connection:
    """Read a connection from Airflow's JSON or address form.

    Raises:
        SettingsError: The text is neither.
    """
    if value.lstrip().startswith("{"):
        try:
            raw = json.loads(value)
        except json.JSONDecodeError as error:
            raise SettingsError(
                f"connection {connection_id!r} is not valid JSON: {error}"
            ) from error
        extra = raw.get("extra") or {}
        return Connection(
            id=connection_id,
            kind=str(raw.get("conn_type") or ""),
            host=str(raw.get("host") or ""),
            port=int(raw["port"]) if raw.get("port") else None,
            login=str(raw.get("login") or ""),
            password=str(raw.get("password") or ""),
            schema=str(raw.get("schema") or ""),
            extra=json.loads(extra) if isinstance(extra, str) else extra,
        )
    parts = urlsplit(value)
    if not parts.scheme:
        raise SettingsError(f"connection {connection_id!r} is neither JSON nor an address")
    return Connection(
        id=connection_id,
        kind=parts.scheme.replace("-", "_"),
        host=parts.hostname or "",
        port=parts.port,
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        schema=parts.path.lstrip("/"),
        extra=dict(parse_qsl(parts.query)),
    )


def shipped_project() -> Path:
    """The project that lies beside this code: what the demo copies."""
    return Path(__file__).parents[2]


def _given(env: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    return {key: env[variable] for key, variable in variables.items() if env.get(variable)}


def _seconds(
    env: Mapping[str, str], variable: str, default: int, least: float | None = None
) -> timedelta:
    value = env.get(variable) or str(default)
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if seconds < 0 or (least is None and seconds == 0):
        limit = "above 0" if least is None else f"from {least:g}"
        raise SettingsError(f"{variable} is {value!r}; write a number of seconds {limit}")
    return timedelta(seconds=seconds)


def _days(env: Mapping[str, str], variable: str, default: int) -> timedelta:
    value = env.get(variable) or str(default)
    if not value.isdecimal():
        raise SettingsError(f"{variable} is {value!r}; write a number of days, 0 for ever")
    return timedelta(days=int(value))


def _threads(env: Mapping[str, str]) -> int:
    value = env.get("WHARF_THREADS") or "0"
    if not value.isdecimal():
        raise SettingsError(f"WHARF_THREADS is {value!r}; write a number of threads, 0 for all")
    return int(value)


def _megabytes(env: Mapping[str, str], variable: str, default: int) -> int:
    value = env.get(variable) or str(default)
    if not value.isdecimal() or int(value) == 0:
        raise SettingsError(f"{variable} is {value!r}; write a number of megabytes above 0")
    return int(value) * 1024**2
