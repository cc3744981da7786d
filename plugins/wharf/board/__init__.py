"""The supplier board: feeds by day inside Airflow's UI. It reads the ledger and writes nothing.

Access is the caller's: `build_app` takes the guard that every route is put behind.
"""

from wharf.board.app import build_app

__all__ = ["build_app"]
