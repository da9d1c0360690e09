# One image for every service of docker-compose.yml; the command decides which one it is.

FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
RUN python -m venv /app/.venv
COPY requirements.lock .
RUN uv pip install --no-cache --python /app/.venv/bin/python --require-hashes -r requirements.lock
COPY . .
RUN uv pip install --no-cache --python /app/.venv/bin/python --no-deps -e .
# Bytecode for -O, which every service runs with, and the kernel's machine code: a start then compiles nothing.
# compileall fails on a few packages' test files of other Python versions, which nobody imports.
ENV NUMBA_CACHE_DIR=/app/.numba
RUN /app/.venv/bin/python -m compileall -q -o 1 /app/.venv/lib /app/producers /app/feature_repo \
        /app/stream_processors /app/training /app/dashboard /app/launcher || true \
    && /app/.venv/bin/python -O -c "import stream_processors.kernel"

FROM python:3.11-slim
# libgomp: tensorflow and scipy use OpenMP, which the slim image leaves out.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home allocast \
    && install -d -o allocast -g allocast /state
COPY --from=build /app /app
# numba refuses a cache that it could not write to; on another processor model it adds its own entries.
RUN chown -R allocast:allocast /app/.numba
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    NUMBA_CACHE_DIR=/app/.numba \
    MLFLOW_DISABLE_TELEMETRY=true \
    ALLOCAST_STATE_DIR=/state
USER allocast
WORKDIR /home/allocast
VOLUME /state
EXPOSE 8050
CMD ["allocast", "--help"]
