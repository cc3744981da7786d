"""A private Postgres: its own folder, 127.0.0.1, a free port, a password of its own.

Used by the demo's `--postgres` and by tests. The server programs must be installed; nothing of
an existing cluster is touched.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from wharf.errors import DemoError

PACKAGE = "postgresql"
ROLE = "wharf"
_PROGRAMS = ("initdb", "pg_ctl", "createdb", "psql")
_ROOTS = (Path("/usr/lib/postgresql"), Path("/usr/local/opt"), Path("/opt/homebrew/opt"))
_STAND_INS = ("postgres", "nobody")


@dataclass(frozen=True)
class PrivatePostgres:
    """A running private cluster."""

    folder: Path
    programs: Path
    port: int
    password: str
    is_throwaway: bool = False
    """Whether nothing is ever synced to disk: for tests, where syncing is slow."""

    def url(self, database: str) -> str:
        """The SQLAlchemy address of one database; it holds the password."""
        return f"postgresql+psycopg2://{ROLE}:{self.password}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Create a database unless it is there, and give its address."""
        found = self._client("psql", "-d", "postgres", "-tAc", "SELECT datname FROM pg_database")
        if name not in found.split():
            self._client("createdb", name)
        return self.url(name)

    def start(self) -> None:
        """Start the server again after a stop, at the same port."""
        _control(self, *_start_options(self))

    def stop(self) -> None:
        """Stop the server; its data stays in the folder."""
        _control(self, "-m", "immediate" if self.is_throwaway else "fast", "stop")

    def _client(self, program: str, *arguments: str) -> str:
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", ROLE]
        return _run(
            [self._path(program), *address, *arguments], {**os.environ, "PGPASSWORD": self.password}
        )

    def _path(self, program: str) -> str:
        return str(self.programs / program)


def find_programs() -> Path | None:
    """The folder of the newest installed server programs; None when there are none."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    for root in _ROOTS:
        candidates.extend(sorted(root.glob("*/bin"), key=_version, reverse=True))
    complete = (
        folder for folder in candidates if all((folder / name).exists() for name in _PROGRAMS)
    )
    return next(complete, None)


def start_postgres(folder: Path, *, throwaway: bool = False) -> PrivatePostgres:
    """Start the private cluster of a folder, making it first when it is new.

    A server that an earlier run left running on this folder is stopped before.

    Args:
        folder: Where the cluster lives.
        throwaway: Never sync to disk, for tests.

    Raises:
        DemoError: The programs are not installed, the folder cannot be used, or the server did
            not come up; the message says what to do.
    """
    programs = find_programs()
    if programs is None:
        raise DemoError(
            f"Postgres is not installed; install the package {PACKAGE!r} "
            f"(for example `apt-get install {PACKAGE}`), or leave --postgres out"
        )
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    _hand_over(folder)
    cluster = PrivatePostgres(folder, programs, _free_port(), _password(folder), throwaway)
    if not (folder / "data" / "PG_VERSION").exists():
        _make_cluster(cluster)
    if _control(cluster, "status", check=False):
        cluster.stop()
    if not _control(cluster, *_start_options(cluster), check=False):
        # Somebody may have taken the port since it was found free.
        cluster = replace(cluster, port=_free_port())
        _control(cluster, *_start_options(cluster))
    return cluster


@contextmanager
def running_postgres(folder: Path, *, throwaway: bool = False) -> Iterator[PrivatePostgres]:
    """A private cluster for the length of a block; see `start_postgres`."""
    cluster = start_postgres(folder, throwaway=throwaway)
    try:
        yield cluster
    finally:
        cluster.stop()


def _control(cluster: PrivatePostgres, *arguments: str, check: bool = True) -> bool:
    command = [str(cluster.programs / "pg_ctl"), "-D", str(cluster.folder / "data"), "-w"]
    return _as_owner([*command, *arguments], cluster.folder, check=check).returncode == 0


def _start_options(cluster: PrivatePostgres) -> tuple[str, ...]:
    options = f"-c listen_addresses=127.0.0.1 -c port={cluster.port} -c unix_socket_directories=''"
    if cluster.is_throwaway:
        options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
    return ("-l", str(cluster.folder / "data" / "server.log"), "-o", options, "start")


def _make_cluster(cluster: PrivatePostgres) -> None:
    password_file = cluster.folder / "data.password"
    password_file.write_text(cluster.password)
    password_file.chmod(0o600)
    if (owner := _stand_in()) is not None:
        os.chown(password_file, owner.pw_uid, owner.pw_gid)
    try:
        _as_owner(
            [
                str(cluster.programs / "initdb"), "-D", str(cluster.folder / "data"),
                "-U", ROLE, "--pwfile", str(password_file), "--auth", "scram-sha-256",
                "--encoding", "UTF8", "--locale", "C",
            ],
            cluster.folder,
        )  # fmt: skip
    finally:
        password_file.unlink(missing_ok=True)


def _hand_over(folder: Path) -> None:
    """Let the server's user own the folder: initdb refuses root."""
    owner = _stand_in()
    if owner is None:
        return
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    folder.chmod(0o755)
    if _as_owner(["test", "-x", str(folder)], Path("/"), check=False).returncode:
        raise DemoError(
            f"Postgres does not run as root, and user {owner.pw_name!r} cannot enter {folder}; "
            "set WHARF_HOME to a folder that others may enter, or do not run as root"
        )


def _stand_in() -> pwd.struct_passwd | None:
    """The user that runs the server when we are root; None when we are not."""
    if os.geteuid() != 0:
        return None
    for name in _STAND_INS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise DemoError(f"Postgres does not run as root and there is no user {' or '.join(_STAND_INS)}")


def _as_owner(
    command: Sequence[str], folder: Path, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    owner = _stand_in()
    done = subprocess.run(
        command,
        cwd=folder,
        user=owner.pw_uid if owner else None,
        group=owner.pw_gid if owner else None,
        extra_groups=[] if owner else None,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        check=False,
    )
    if check and done.returncode:
        raise DemoError(f"Postgres: {Path(command[0]).name} failed: {_tail(folder, done.stdout)}")
    return done


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, env=dict(environment), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DemoError(f"Postgres: {Path(command[0]).name} failed: {done.stderr.strip()}")
    return done.stdout


def _tail(folder: Path, said: str) -> str:
    log = folder / "data" / "server.log"
    lines = log.read_text(errors="replace").splitlines()[-5:] if log.exists() else []
    return " | ".join([said.strip(), *lines])


def _password(folder: Path) -> str:
    kept = folder / "password"
    if not kept.exists():
        descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as writing:
            writing.write(secrets.token_hex(16))
    return kept.read_text()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _version(folder: Path) -> tuple[int, ...]:
    digits = folder.parent.name.rpartition("@")[2].split(".")
    return tuple(int(each) for each in digits if each.isdigit())
