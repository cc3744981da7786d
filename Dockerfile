# One image for Airflow's components, for Spark's master and worker and for the command line.
FROM python:3.12-slim

# libgomp1 is LightGBM's; Spark's scripts call ps.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgomp1 procps \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 50000 --create-home wharf \
 && install --directory --owner=wharf /opt/wharf /var/wharf
USER wharf
WORKDIR /opt/wharf

# The same setup as on a developer's machine, before the code, so that a changed file costs seconds.
COPY --chown=wharf pyproject.toml requirements.lock README.md ./
COPY --chown=wharf .ci/setup.py .ci/
COPY --chown=wharf plugins/wharf/__init__.py plugins/wharf/
COPY --chown=wharf plugins/wharf/portal/package.json plugins/wharf/portal/package-lock.json \
     plugins/wharf/portal/.npmrc plugins/wharf/portal/LICENSE.duckdb-wasm plugins/wharf/portal/
RUN python .ci/setup.py && rm -rf ~/.cache ~/.npm .venv/portal/node_modules
COPY --chown=wharf . .

ENV PATH=/opt/wharf/.venv/bin:$PATH \
    JAVA_HOME=/opt/wharf/.venv/jre \
    PYSPARK_PYTHON=/opt/wharf/.venv/bin/python \
    AIRFLOW_HOME=/var/wharf/airflow \
    WHARF_HOME=/var/wharf \
    DO_NOT_TRACK=true
CMD ["wharf", "--help"]
