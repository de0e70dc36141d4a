# Homebrew, on macOS and Linux: a formula for the tarballs that are there.
# shellcheck shell=bash

make_homebrew() {
    local triple name made=$out/aigw.rb blocks='' os cpu
    for triple in aarch64-apple-darwin x86_64-apple-darwin aarch64-unknown-linux-musl x86_64-unknown-linux-musl; do
        name=$(tarball_name "$triple")
        [[ -e $out/$name.tar.gz ]] || continue
        os=linux
        cpu=intel
        [[ $triple != *-apple-* ]] || os=macos
        [[ $triple != aarch64-* ]] || cpu=arm
        blocks+="  on_$os do
    on_$cpu do
      url \"$url/$name.tar.gz\"
      sha256 \"$(sha256sum "$out/$name.tar.gz" | cut -d' ' -f1)\"
    end
  end
"
    done
    [[ -n $blocks ]] || die "there is no tarball of $version in $out: make that first"
    awk -v version="$version" -v blocks="$blocks" '
        /@BLOCKS@/ { printf "%s", blocks; next }
        { gsub("@VERSION@", version); print }' "$packaging/formats/aigw.rb" >"$made"
    printf '%s\n' "$made"
}
