"""`wharf demo` and `wharf serve`: the product shown, and the product started."""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--exit", "ends", is_flag=True, help="End by itself instead of staying up.")
@click.option("--postgres", is_flag=True, help="Postgres for Airflow, ledger and catalog.")
@click.option("--port", default=8080, show_default=True, help="Airflow's port, if it is free.")
def demo(ends: bool, postgres: bool, port: int) -> None:
    """Play six suppliers over five days through a real Airflow on this machine.

    Everything listens on 127.0.0.1 and all state lies below WHARF_HOME. A second run works on
    top of the first. The exit code is 0 only if every feed and period came out as it should.
    """
    from wharf.demo.show import run_demo

    sys.exit(run_demo(ends=ends, postgres=postgres, port=port))


@click.command()
@click.option("--postgres", is_flag=True, help="Postgres for Airflow, ledger and catalog.")
@click.option("--port", default=8080, show_default=True, help="Airflow's port, if it is free.")
def serve(postgres: bool, port: int) -> None:
    """Start Airflow, the board and the portal on the state that is there, until Ctrl-C."""
    from wharf.demo.show import serve as serve_installation

    sys.exit(serve_installation(postgres=postgres, port=port))
