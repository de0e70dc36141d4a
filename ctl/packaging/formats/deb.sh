# Debian and what descends from it.
# shellcheck shell=bash

make_deb() {
    needs dpkg-deb dpkg-shlibdeps
    local tree=$work/tree architecture depends package script
    programs_for "$(this_machine)"
    case $system in
    x86_64-*) architecture=amd64 ;;
    aarch64-*) architecture=arm64 ;;
    *) die "no Debian architecture is known for $system" ;;
    esac
    stage /usr "$tree/usr"
    # Where policy wants them.
    mv "$tree/usr/share/doc/aigw/LICENSE" "$tree/usr/share/doc/aigw/copyright"
    mv "$tree/usr/share/zsh/site-functions" "$tree/usr/share/zsh/vendor-completions"
    gzip -n -9 "$tree/usr/share/doc/aigw/CHANGELOG.md"
    mv "$tree/usr/share/doc/aigw/CHANGELOG.md.gz" "$tree/usr/share/doc/aigw/changelog.gz"

    mkdir -p "$work/debian" "$tree/DEBIAN"
    printf 'Source: aigw\n\nPackage: aigw\nArchitecture: any\n' >"$work/debian/control"
    depends=$(cd "$work" && dpkg-shlibdeps -O "$tree/usr/bin/aigwd" "$tree/usr/bin/aigwctl" 2>/dev/null)
    depends=${depends#shlibs:Depends=}
    cat >"$tree/DEBIAN/control" <<CONTROL
Package: aigw
Version: $version
Architecture: $architecture
Maintainer: The aigw authors <aigw@localhost>
Installed-Size: $(du -k -s --apparent-size "$tree/usr" | cut -f1)
${depends:+Depends: $depends
}Recommends: ca-certificates
Section: net
Priority: optional
Description: local door to a company's AI gateway
 aigwd stands between the AI coding tools of this machine and the company's AI
 gateway: tools talk to 127.0.0.1, and only the daemon holds the company's
 token. aigwctl logs in, sets up tools and takes everything back exactly.
CONTROL
    for script in postinst prerm postrm; do
        {
            printf '#!/bin/sh\nset -e\n'
            cat "$packaging/formats/removal.sh"
            script_of_deb "$script"
        } >"$tree/DEBIAN/$script"
        chmod 755 "$tree/DEBIAN/$script"
    done
    (cd "$tree" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
    dated "$tree"
    package=$out/aigw_${version}_$architecture.deb
    dpkg-deb --root-owner-group -Zxz --build "$tree" "$package" >/dev/null
    printf '%s\n' "$package"
}

script_of_deb() {
    case $1 in
    # Nothing is enabled or started: whose machine it is decides that with `aigwctl up` or `aigwctl service install`.
    postinst) printf '[ "$1" != configure ] || reload_units\n' ;;
    # Not on `upgrade`: daemons run on with the old program until they are started anew.
    prerm) printf '[ "$1" != remove ] || { take_back; stop_instances; }\n' ;;
    postrm) printf '[ "$1" != remove ] || reload_units\n' ;;
    esac
}
