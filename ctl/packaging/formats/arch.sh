# Arch Linux: a PKGBUILD for the tarball, which has to lie beside it.
# shellcheck shell=bash

make_arch() {
    local name
    name=$(tarball_name x86_64-unknown-linux-musl)
    [[ -e $out/$name.tar.gz ]] || die "there is no $out/$name.tar.gz: make the tarball first"
    mkdir -p "$out/arch"
    cp "$out/$name.tar.gz" "$out/arch"
    sed -e "s|@VERSION@|$version|" -e "s|@SHA256@|$(sha256sum "$out/$name.tar.gz" | cut -d' ' -f1)|" \
        "$packaging/formats/PKGBUILD" >"$out/arch/PKGBUILD"
    {
        cat "$packaging/formats/removal.sh"
        printf '\npost_install() { reload_units; }\npost_upgrade() { reload_units; }\n'
        # Pacman calls this on removal alone.
        printf 'pre_remove() {\n    take_back\n    stop_instances\n}\npost_remove() { reload_units; }\n'
    } >"$out/arch/aigw.install"
    printf '%s\n' "$out/arch/PKGBUILD"
}
