# One image for all processes; the command picks one: gateway, coordinator, executor, agent ROLE, keys, crds, ...
#
#     docker build --tag incident-commander:dev .
#
# Any Python from 3.11 on does, with the same C library in both stages.
ARG PYTHON_IMAGE=docker.io/library/python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ONLY_BINARY=:all:
WORKDIR /src
COPY requirements/ requirements/
# The tools stay in this stage. The application's environment gets no pip of its own.
RUN python -m venv /tools \
    && /tools/bin/python -m pip install --quiet --require-hashes --requirement requirements/image.txt \
    && python -m venv --without-pip /app \
    && /tools/bin/python -m pip --python /app/bin/python install --quiet --no-compile --require-hashes --requirement requirements/base.txt
COPY . .
# Byte code is made here, once, and not of the thousand models of the Kubernetes client, which no process loads. The
# SBOM (CycloneDX) lists what is in the environment.
RUN /tools/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /tools/bin/python -m pip --python /app/bin/python install --quiet --no-compile --no-deps --no-index /wheels/*.whl \
    && find /app -type d -name tests -prune -exec rm -r {} + \
    && /app/bin/python -m compileall -q -x '/kubernetes/(aio/)?client/(api|models)/[a-z]' /app/lib \
    && /tools/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file /app/sbom.cdx.json /app/bin/python

FROM ${PYTHON_IMAGE}
ARG PYTHON_IMAGE
# As in pyproject.toml; a test compares them.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="incident-commander" \
      org.opencontainers.image.description="A Kubernetes operator that takes a Prometheus alert to a verified fix" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
COPY --from=build /app /app
ENV PATH=/app/bin:${PATH} PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 65532:65532
WORKDIR /tmp
EXPOSE 8080 8081
ENTRYPOINT ["/app/bin/incident-commander"]
CMD ["--help"]
