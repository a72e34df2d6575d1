# The image of `reconcile`: built from the two locks, run by nobody in particular, without a shell.
# With `--target git` it also has what `reconcile serve` and FlyteSyncs from Git need.
#
# The base is pinned by its exact tag. A digest would pin harder, but only whoever builds the image
# can know it; give it at build time: --build-arg BASE=python:3.13.7-slim-bookworm@sha256:...
ARG BASE=python:3.13.7-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
COPY requirements/build.lock requirements/operator.lock requirements/
# Only wheels: nothing that is downloaded runs while the image is built.
RUN python -m venv /build \
    && /build/bin/python -m pip install --require-hashes --only-binary=:all: -r requirements/build.lock \
    && python -m venv --without-pip /opt/reconcile \
    && /build/bin/python -m pip --python /opt/reconcile/bin/python install \
        --require-hashes --only-binary=:all: -r requirements/operator.lock
COPY pyproject.toml README.md LICENSE ./
COPY reconciler/ reconciler/
RUN /build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && /build/bin/python -m pip --python /opt/reconcile/bin/python install --no-deps --no-index /wheels/*.whl \
    && /opt/reconcile/bin/reconcile --help > /dev/null

FROM ${BASE} AS plain
LABEL org.opencontainers.image.title="flyte-reconciler" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV HOME=/tmp PATH=/opt/reconcile/bin:/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1
COPY --from=build /opt/reconcile /opt/reconcile
USER 65532:65532
WORKDIR /tmp
ENTRYPOINT ["/opt/reconcile/bin/reconcile"]
CMD ["operator"]

# The programs that docs/git.md names. `ssh` refuses a user whom the system does not know.
FROM plain AS git
USER 0:0
# Debian takes a version away as soon as it has mended it; a pin would break with each security fix.
# hadolint ignore=DL3008
RUN export PATH="$PATH:/usr/sbin:/sbin" \
    && apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git gnupg openssh-client \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 65532 reconcile \
    && useradd --no-log-init --uid 65532 --gid 65532 --no-create-home --home-dir /tmp \
        --shell /usr/sbin/nologin reconcile
USER 65532:65532

# Last, and so the one that is built unless another is named.
FROM plain
