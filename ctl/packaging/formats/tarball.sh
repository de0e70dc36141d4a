# For any Linux, or macOS: what belongs below /usr/local.
# shellcheck shell=bash

make_tarball() {
    local name
    programs_for "$anywhere"
    name=$(tarball_name "$system")
    stage /usr/local "$work/$name"
    tar_of "$work" "$name" >"$out/$name.tar.gz"
    printf '%s\n' "$out/$name.tar.gz"
}

# tarball_name TRIPLE, as people name systems.
tarball_name() {
    case $1 in
    *-linux-*) printf 'aigw-%s-linux-%s\n' "$version" "${1%%-*}" ;;
    *-apple-darwin) printf 'aigw-%s-macos-%s\n' "$version" "${1%%-*}" ;;
    *) die "there are no tarballs for $1" ;;
    esac
}
