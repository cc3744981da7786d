"""The plugin dbt-duckdb loads: the lake's tables as views, and the store of the `lake` models.

Only dbt imports this module.
"""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt.adapters.duckdb.utils import TargetConfig
from dbt_common.exceptions import DbtRuntimeError
from duckdb import DuckDBPyConnection

from wharf.errors import WharfError
from wharf.products.build_session import MEMORY_LIMIT, BuildSession, open_session
from wharf.products.quoting import identifier, literal, table_name


class Plugin(BasePlugin):
    """Shows a build the manifest's batches, and stages every model it makes."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Find the build that runs."""
        self.session: BuildSession | None = open_session()
        self.connection: DuckDBPyConnection | None = None

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Bound the memory. Not in the profile: dbt parses everything anew when that changes."""
        if self.session:
            config.update(memory_limit=MEMORY_LIMIT, temp_directory=str(self.session.temp_folder))

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Create one view for each lake table that the manifest names."""
        if self.session is None:
            return
        self.connection = conn
        self.session.prepare(conn)
        conn.execute(f"create macro main.wharf_period() as {literal(self.session.period)}")
        for table, relation in self.session.views.items():
            namespace = table.split(".")[0]
            conn.execute(f"create schema if not exists {identifier(namespace)}")
            conn.execute(f"create view {table_name(table)} as select * from {relation}")

    def store(self, target_config: TargetConfig) -> None:
        """Stage one model, then let its name stand for the staged file."""
        if self.session is None or self.connection is None or target_config.location is None:
            raise DbtRuntimeError("`lake` models are built by `wharf run`, not by dbt alone")
        relation = target_config.relation
        table = f"{relation.schema}.{relation.identifier}"
        candidate = f"{relation.schema}.{target_config.location.path}"
        cursor = self.connection.cursor()
        try:
            staged = self.session.stage(cursor, table, table_name(candidate))
            cursor.execute(f"create view {table_name(table)} as select * from {staged}")
            cursor.execute(f"drop view {table_name(candidate)}")
        except WharfError as error:
            raise DbtRuntimeError(str(error)) from error
        finally:
            cursor.close()
