# The programs as packages have them: profile `dist`, no practice gateway, no word of where they were built.
# shellcheck shell=bash

# Any Linux of this processor runs these: they need no library, and so no version of one.
anywhere=$(uname -m)-unknown-linux-musl

make_programs() {
    programs_for "$(this_machine)"
    printf '%s\n' "$found"
}

# What the compiler makes without being told.
this_machine() { rustc -vV | sed -n 's/^host: //p'; }

# programs_for TRIPLE leaves the triple in `system` and the folder of the programs in `found`: those that were given, or
# it builds them. TRIPLE counts where no --target is given.
programs_for() {
    system=${target:-$1}
    found=$programs
    [[ -z $found ]] || return 0
    build_for "$system"
    found=$build_folder/$system/dist
}

# build_for TRIPLE
build_for() {
    if [[ $1 == *-linux-musl ]]; then
        needs musl-gcc
        rustup target list --installed 2>/dev/null | grep -qx "$1" || rustup target add "$1"
    fi
    # Cargo reads these flags from one variable only, so that others are lost. Where the time is given, C is compiled anew for each
    # commit; no program has it in it.
    RUSTFLAGS="--remap-path-prefix=$root=/aigw --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo" \
        CARGO_TARGET_DIR=$build_folder \
        env -u SOURCE_DATE_EPOCH cargo build --profile dist --locked --target "$1" -p aigw-daemon --no-default-features -p aigw-ctl >&2
}

# Folder of programs that run here, for pages and completions.
programs_here() {
    if [[ $system == "$(uname -m)"-*-linux-* ]]; then
        printf '%s\n' "$found"
    elif [[ -n $here ]]; then
        printf '%s\n' "$here"
    else
        build_for "$(this_machine)"
        printf '%s/%s/dist\n' "$build_folder" "$(this_machine)"
    fi
}
