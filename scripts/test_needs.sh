#!/usr/bin/env bash
# Make sure the real servers of the tests are here: `test_needs.sh` for MariaDB, `test_needs.sh ui` for a browser.
# On Debian as root what is missing is installed. The packages are the ones that carry programs only: none has a
# service, so none is started or enabled. Elsewhere one line says what to install or which variable to set.
set -euo pipefail

say() { printf 'test needs: %s\n' "$*" >&2; }

have_any() {
  local name
  for name in "$@"; do
    command -v "$name" >/dev/null 2>&1 && return
  done
  return 1
}

have_mariadb() {
  [ -n "${TEST_MARIADB_URL:-}" ] || have_any mariadbd /usr/sbin/mariadbd /usr/libexec/mariadbd \
    /opt/homebrew/opt/mariadb/bin/mariadbd /usr/local/opt/mariadb/bin/mariadbd
}

have_browser() {
  [ -n "${TEST_BROWSER:-}" ] || have_any chromium chromium-browser google-chrome
}

have_hangul() {
  ! command -v fc-list >/dev/null || [ -n "$(fc-list ':lang=ko' file | head -n 1)" ]
}

install() {
  local packages=("$@")
  export DEBIAN_FRONTEND=noninteractive
  say "installing ${packages[*]}"
  apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >/dev/null 2>&1 && return
  apt-get update -qq </dev/null >/dev/null
  apt-get install -y -qq --no-install-recommends "${packages[@]}" </dev/null >/dev/null
}

# need CHECK HINT PACKAGE...
need() {
  local check=$1 hint=$2
  shift 2
  "$check" && return
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    install "$@" && "$check" && return
  fi
  say "$hint"
  exit 1
}

case "${1:-servers}" in
  servers)
    need have_mariadb 'install the MariaDB server (apt-get install mariadb-server-core, brew install mariadb) or set TEST_MARIADB_URL=mysql+pymysql://user:password@host:port' mariadb-server-core mariadb-client-core
    ;;
  ui)
    need have_browser 'install Chromium (apt-get install chromium) or set TEST_BROWSER to the path of one' chromium
    need have_hangul 'install a font with Hangul (apt-get install fonts-nanum)' fonts-nanum
    ;;
  *)
    say "unknown group '$1' (servers, ui)"
    exit 2
    ;;
esac
