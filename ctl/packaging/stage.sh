# The tree that packages are made of.
# shellcheck shell=bash

# stage PREFIX FOLDER fills FOLDER with what an installation has below PREFIX, for `system` and the programs in `found`.
stage() {
    local prefix=$1 to=$2 unit doc=$2/share/doc/aigw
    install -d "$to/bin" "$doc"
    install -m 755 "$found/aigwd" "$found/aigwctl" "$to/bin"
    install -m 644 README.md CHANGELOG.md SECURITY.md LICENSE "$doc"
    write_papers "$doc"
    write_man "$to/share/man/man1"
    write_completions "$to/share/bash-completion/completions" aigwctl bash
    write_completions "$to/share/zsh/site-functions" _aigwctl zsh
    write_completions "$to/share/fish/vendor_completions.d" aigwctl.fish fish
    if [[ $system == *-apple-* ]]; then
        # Templates: `aigwctl service install` carries the same, and fills in what only it can know.
        install -d "$to/share/aigw/launchd"
        install -m 644 launchd/*.plist "$to/share/aigw/launchd"
    else
        install -d "$to/lib/systemd/user" "$to/lib/systemd/system"
        for unit in systemd/*.service systemd/*.socket; do
            case $unit in
            *@.service) unit_of "$unit" "$prefix" "$to/lib/systemd/system" ;;
            *) unit_of "$unit" "$prefix" "$to/lib/systemd/user" ;;
            esac
        done
    fi
    dated "$to"
}

# unit_of TEMPLATE PREFIX FOLDER
unit_of() {
    local made=$3/${1##*/}
    sed "s|@AIGWD@|$2/bin/aigwd|g" "$1" >"$made"
    ! grep -nE '@[A-Z]+@' "$made" || die "$1 wants more filled in than packages know"
}

# dated FOLDER gives everything in it the time of the commit.
dated() { find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +; }

# tar_of FOLDER NAME... writes a compressed archive of NAMEs in FOLDER to stdout, the same for the same content.
tar_of() {
    local folder=$1
    shift
    tar -C "$folder" --sort=name --format=gnu --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -c "$@" |
        gzip -n -9
}
