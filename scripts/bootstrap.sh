#!/usr/bin/env bash
# Make or refresh .venv from requirements.lock. Idempotent: a matching stamp ends it at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly UV_RANGE='uv>=0.9,<0.14'
readonly VENV=.venv
readonly STAMP=$VENV/.jennie-stamp
export UV_PYTHON_DOWNLOADS=never PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf 'bootstrap: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

fingerprint() {
  { cksum requirements.lock pyproject.toml scripts/bootstrap.sh; pwd -P; } | cksum | tr -d ' '
}

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    [ -n "$candidate" ] || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  die 'needs Python 3.11 or newer; install it or set PYTHON=/path/to/python3'
}

ensure_venv_module() {
  "$1" -c 'import venv, ensurepip' 2>/dev/null && return
  local package
  package=$("$1" -c 'import sys; print(f"python3.{sys.version_info.minor}-venv")')
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    say "installing $package (the Python here has no venv module)"
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >&2 && return
  fi
  die "this Python has no venv module; install it first: apt-get install $package"
}

install_dependencies() {
  local python=$VENV/bin/python
  if "$python" -m pip install -q "$UV_RANGE" >$VENV/bootstrap.log 2>&1; then
    "$python" -m uv pip sync -q --python "$python" --require-hashes requirements.lock && return
    say 'uv could not install the lock; trying pip'
  else
    say 'uv is not to be had; using pip'
  fi
  # The pip that comes with Python 3.11 refuses some hashed files without --no-deps; the lock is complete anyway.
  "$python" -m pip install -q --upgrade pip >$VENV/bootstrap.log 2>&1 || say 'pip could not be upgraded; going on with the one here'
  "$python" -m pip install -q --no-deps --require-hashes -r requirements.lock ||
    die 'the dependencies could not be installed; check the network and the package index of pip'
}

# hatchling is in the lock, so this builds without downloading anything.
install_project() {
  local python=$VENV/bin/python
  "$python" -m uv pip install -q --python "$python" --no-deps --no-build-isolation -e . 2>/dev/null ||
    "$python" -m pip install -q --no-deps --no-build-isolation -e .
}

main() {
  local want
  want=$(fingerprint)
  if [ -x $VENV/bin/python ] && [ "$(cat $STAMP 2>/dev/null)" = "$want" ]; then
    return
  fi
  [ -w . ] && { [ ! -e $VENV ] || [ -w $VENV ]; } ||
    die "$(pwd) cannot be written, so $VENV cannot be made there; clone to a place of your own or change its permissions"
  local python
  python=$(find_python)
  say "setting up $VENV with $("$python" --version 2>&1)"
  if ! { [ -x $VENV/bin/python ] && $VENV/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }; then
    ensure_venv_module "$python"
    rm -rf $VENV
    "$python" -m venv $VENV
  fi
  rm -f $STAMP
  install_dependencies
  install_project
  printf '%s\n' "$want" >$STAMP
  say 'ready'
}

main "$@"
