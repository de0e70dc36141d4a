# Shared by the scripts in this folder, which source it. Nothing here runs by itself.
# shellcheck shell=bash

# Everything that a script installs goes here and is found again by the next run.
SCRATCH=${AIGW_CI_SCRATCH:-/var/tmp/aigw-ci}
mkdir -p "$SCRATCH"
SCRATCH=$(cd "$SCRATCH" && pwd -P)

note() { printf -- '-- %s\n' "$*"; }
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# need COMMAND PACKAGE... installs Debian packages when the command is missing.
need() {
    local command=$1
    shift
    if ! has "$command"; then
        apt_install "$@"
        hash -r
        has "$command" || die "installed $*, but there is still no $command"
    fi
}

# apt_install PACKAGE... installs what is not installed yet.
apt_install() {
    local package
    local -a missing=()
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    has apt-get || die "please install: ${missing[*]}"
    ((EUID == 0)) || die "not root; please run: apt-get install ${missing[*]}"
    note "apt-get install ${missing[*]}"
    # The list of a fresh machine is empty or old, and an old one names files that are gone.
    quietly apt-get update
    DEBIAN_FRONTEND=noninteractive quietly apt-get install -y --no-install-recommends "${missing[@]}"
}

# run COMMAND... says what it runs.
run() {
    printf '$ %s\n' "$*"
    "$@"
}

# quietly COMMAND... shows the output only when the command fails.
quietly() {
    local log status=0
    log=$(mktemp "$SCRATCH/log.XXXXXX")
    "$@" >"$log" 2>&1 </dev/null || status=$?
    ((status == 0)) || cat "$log" >&2
    rm -f "$log"
    return "$status"
}

# clean_environment NAME=VALUE... COMMAND... keeps what the toolchain needs and drops the rest. A proxy, a bundle of
# certificates or a tool's own setting on this machine would otherwise decide how a client behaves.
clean_environment() {
    local name
    local -a kept=(LANG=C.UTF-8)
    while read -r name; do
        case $name in
        PATH | HOME | USER | TERM | TMPDIR | CI | CARGO_* | RUSTUP_* | RUSTC* | RUSTFLAGS | RUST_BACKTRACE) kept+=("$name=${!name}") ;;
        CC | CC_* | AR | AR_* | CFLAGS | CFLAGS_*) kept+=("$name=${!name}") ;;
        esac
    done < <(compgen -e)
    env -i "${kept[@]}" "$@"
}

# duration SECONDS as people read it.
duration() { printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); }

# cargo_tool NAME VERSION. Built without optimisation: it runs for seconds, and builds in half the time.
cargo_tool() {
    export PATH=$SCRATCH/tools/bin:$PATH
    grep -qsF "\"$1 $2 " "$SCRATCH/tools/.crates.toml" && return
    note "cargo install $1 $2"
    CARGO_TARGET_DIR=$SCRATCH/tools/target quietly cargo install --locked --debug --version "$2" --root "$SCRATCH/tools" "$1"
    rm -rf "$SCRATCH/tools/target"
}
