"""What Airflow lends the board, played by a test: signed-in people, rights, and runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Header, HTTPException

from wharf.board.actions_guard import Caller, Powers
from wharf.errors import AirflowUnavailable
from wharf.settings import Connection


@dataclass
class Lent:
    """Rights by name, and the runs that were started."""

    root: Path
    may: dict[str, set[str]] = field(default_factory=lambda: {"ada": {"*"}, "bo": {"*"}})
    has_login: bool = True
    is_down: bool = False
    default: str = ""
    started: list[tuple[str, str, str]] = field(default_factory=list)

    def caller(
        self,
        x_user: Annotated[str, Header()] = "",
        authorization: Annotated[str, Header()] = "",
    ) -> Caller:
        """The person a header names, as Airflow finds out from a cookie or a bearer token."""
        name = authorization.removeprefix("Bearer ") or x_user or self.default
        if not name:
            raise HTTPException(401, "Not authenticated")
        rights = self.may.get(name, set())
        return Caller(name, self.has_login, lambda dag: bool({"*", dag} & rights))

    def start(self, dag_id: str, key: str, cause: str) -> bool:
        """Note a run; the same one twice is known."""
        if self.is_down:
            raise AirflowUnavailable("Airflow does not answer")
        known = (dag_id, key, cause) in self.started
        self.started += [] if known else [(dag_id, key, cause)]
        return not known

    def resolve(self, connection_id: str) -> Connection:
        """A connection to the inbox."""
        return Connection(connection_id, "local", extra={"root": str(self.root / "inbox")})

    @property
    def powers(self) -> Powers:
        """All of it, as the board gets it."""
        return Powers(self.caller, self.start, self.resolve, b"a secret of this test")
