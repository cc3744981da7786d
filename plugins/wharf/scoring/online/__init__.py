"""Online scoring: one raw record in, its score out, by the champion of now.

A process of its own (`wharf model serve`), never a part of Airflow's. It follows the registry in
the ledger and swaps models without losing a request: a request keeps the model it began with.
`records` and `protocol` are pure, `served` holds the models, `app` answers, `server` runs it.
"""

from wharf.scoring.online.app import build_app
from wharf.scoring.online.records import BadInput
from wharf.scoring.online.served import Served
from wharf.scoring.online.server import serve

__all__ = ["BadInput", "Served", "build_app", "serve"]
