# One target per service: `docker build --target kis-gateway .` Each image has its service's extra and code, nothing else.
ARG BASE_IMAGE=python:3.12-slim-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim

# ---- base: a user without rights, nothing installed
# hadolint ignore=DL3006
FROM ${BASE_IMAGE} AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 VIRTUAL_ENV=/venv PATH=/venv/bin:$PATH \
    JENNIE_HOME=/state JENNIE_BIND_HOST=0.0.0.0
RUN groupadd --gid 10001 jennie \
 && useradd --uid 10001 --gid jennie --no-create-home --home-dir /state --shell /usr/sbin/nologin jennie \
 && install -d -o jennie -g jennie -m 0700 /state /dagster
WORKDIR /app
STOPSIGNAL SIGTERM
# The images carry no curl. HEALTH_URL is set per service.
HEALTHCHECK --interval=10s --timeout=5s --start-period=40s --retries=3 \
  CMD ["python3", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['HEALTH_URL'], timeout=4)"]

# ---- tool: the installer, left behind in the final images
FROM base AS tool
ENV UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy UV_NO_CACHE=1
RUN python3 -m venv /tool \
 && /tool/bin/pip install --no-cache-dir --disable-pip-version-check 'uv>=0.9,<0.14' \
 && /tool/bin/uv venv --python python3 /venv
COPY pyproject.toml requirements.lock LICENSE ./
# The name and version of the project; its code comes as the last layer.
RUN /tool/bin/uv pip install --no-deps --build-constraints requirements.lock --editable .

FROM tool AS live-dependencies
RUN /tool/bin/uv pip install --require-hashes --constraints requirements.lock --requirements pyproject.toml --extra live

FROM tool AS dashboard-dependencies
RUN /tool/bin/uv pip install --require-hashes --constraints requirements.lock --requirements pyproject.toml --extra dashboard

FROM tool AS assets-dependencies
RUN /tool/bin/uv pip install --require-hashes --constraints requirements.lock --requirements pyproject.toml --extra assets

# ---- web: the built page
# hadolint ignore=DL3006
FROM ${NODE_IMAGE} AS web
WORKDIR /src
COPY dashboard/package.json dashboard/package-lock.json dashboard/.npmrc ./
RUN npm ci --no-audit --no-fund
COPY dashboard/ ./
RUN npm run build -- --outDir /web --emptyOutDir

# ---- live: what all workers share
FROM base AS live
COPY --from=live-dependencies /venv /venv
COPY pyproject.toml ./
COPY jennie_core/ jennie_core/
COPY jennie_infra/ jennie_infra/
COPY jennie_live/__init__.py jennie_live/
COPY jennie_live/common/ jennie_live/common/
COPY jennie_live/desk/ jennie_live/desk/
USER 10001:10001

# ---- migrate: brings both stores to this version's schema and ends
FROM live AS migrate
HEALTHCHECK NONE
CMD ["python3", "-c", "from jennie_infra.settings import load_settings; from jennie_infra.db.engine import make_engine; from jennie_infra.db.schema import upgrade; s = load_settings(); upgrade('ledger', make_engine(s.effective_ledger_url, durable=True)); upgrade('market', make_engine(s.effective_market_url, durable=True))"]

FROM live AS kis-gateway
ENV HEALTH_URL=http://127.0.0.1:8080/health
COPY jennie_live/gateway/ jennie_live/gateway/
EXPOSE 8080
CMD ["python3", "-m", "jennie_live.gateway"]

FROM live AS buy-scanner
ENV HEALTH_URL=http://127.0.0.1:8081/health
COPY jennie_live/scanner/ jennie_live/scanner/
EXPOSE 8081
CMD ["python3", "-m", "jennie_live.scanner"]

FROM live AS buy-executor
ENV HEALTH_URL=http://127.0.0.1:8082/health
COPY jennie_live/buy_executor/ jennie_live/buy_executor/
EXPOSE 8082
CMD ["python3", "-m", "jennie_live.buy_executor"]

FROM live AS sell-executor
ENV HEALTH_URL=http://127.0.0.1:8083/health
COPY jennie_live/sell_executor/ jennie_live/sell_executor/
EXPOSE 8083
CMD ["python3", "-m", "jennie_live.sell_executor"]

FROM live AS price-monitor
ENV HEALTH_URL=http://127.0.0.1:8088/health
COPY jennie_live/monitor/ jennie_live/monitor/
EXPOSE 8088
CMD ["python3", "-m", "jennie_live.monitor"]

FROM live AS command-handler
ENV HEALTH_URL=http://127.0.0.1:8091/health
COPY jennie_live/commands/ jennie_live/commands/
EXPOSE 8091
CMD ["python3", "-m", "jennie_live.commands"]

FROM live AS dashboard-api
ENV HEALTH_URL=http://127.0.0.1:8090/health
COPY --from=dashboard-dependencies /venv /venv
COPY jennie_live/dashboard/ jennie_live/dashboard/
COPY --from=web /web/ jennie_live/dashboard/web/
EXPOSE 8090
CMD ["python3", "-m", "jennie_live.dashboard"]

# ---- dagster: code server, daemon and webserver are the same image with another command
FROM base AS dagster
ENV DAGSTER_HOME=/dagster
COPY --from=assets-dependencies /venv /venv
COPY pyproject.toml ./
COPY jennie_core/ jennie_core/
COPY jennie_infra/ jennie_infra/
COPY jennie_assets/ jennie_assets/
COPY deploy/ deploy/
USER 10001:10001
EXPOSE 3000 4000
CMD ["dagster", "code-server", "start", "-h", "0.0.0.0", "-p", "4000", "-m", "jennie_assets.definitions"]
