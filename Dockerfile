# syntax=docker/dockerfile:1
# One image for every process of Vouch: docker run vouch services.gateway | services.ugc | deploy.devstore …
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS dependencies
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1
WORKDIR /build
COPY deploy/uv.lock ./
RUN pip install --no-cache-dir --require-hashes -r uv.lock && python -m venv --without-pip /venv
COPY deploy/docker/requirements.lock ./
RUN uv pip sync --no-cache --python /venv/bin/python --require-hashes requirements.lock

FROM python:${PYTHON}
RUN groupadd --system --gid 10001 vouch \
    && useradd --system --uid 10001 --gid vouch --home-dir /app --shell /usr/sbin/nologin vouch \
    && install -d -o vouch -g vouch /data /secrets /scrape
COPY --from=dependencies /venv /venv
WORKDIR /app
COPY shared shared
COPY services services
COPY deploy deploy
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VOUCH_HTTP_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["/app/deploy/docker/entrypoint.sh"]
CMD ["services.gateway"]
