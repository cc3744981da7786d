"""The watch: what came, what should have come, and what follows from it, each minute.

`look` lists the sources, `tick` evaluates, starts runs and sends. The same code serves the DAG,
the command line and a replay; time, connections and the run starter are arguments. Nothing is
imported here: the triggerer needs `wharf.watch.readiness` and none of the rest.
"""
