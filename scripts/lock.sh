#!/usr/bin/env bash
# Resolve pyproject.toml into lock files of pins and hashes, without addresses.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export UV_PYTHON_DOWNLOADS=never

compile() {
  .venv/bin/python -m uv pip compile -q --universal --generate-hashes --no-header --no-annotate --python-version 3.11 "$@"
}
compile pyproject.toml --extra test --extra ui -o requirements.lock
# Node alone, without the base dependencies that every extra brings.
.venv/bin/python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['web'])" |
  compile - -o requirements-web.lock
for client in tests/clients/*/requirements.in; do
  compile "$client" -o "${client%.in}.lock"
done
if grep -n '://' requirements.lock requirements-web.lock tests/clients/*/requirements.lock; then
  echo 'lock: an address got into a lock file' >&2
  exit 1
fi
