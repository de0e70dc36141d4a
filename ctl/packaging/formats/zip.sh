# Windows: the programs and what belongs beside them.
# shellcheck shell=bash

make_zip() {
    needs zip
    local name doc
    [[ -n $programs ]] || die 'zip needs --programs FOLDER with aigwd.exe and aigwctl.exe'
    programs_for x86_64-pc-windows-gnu
    name=aigw-$version-windows-${system%%-*}
    doc=$work/$name
    install -d "$doc"
    install -m 755 "$found/aigwd.exe" "$found/aigwctl.exe" "$doc"
    install -m 644 README.md CHANGELOG.md SECURITY.md LICENSE "$doc"
    write_papers "$doc"
    write_completions "$doc/completions" aigwctl.ps1 powershell
    dated "$work"
    rm -f "$out/$name.zip"
    (cd "$work" && find "$name" -type f | sort | zip -q -X -9 "$out/$name.zip" -@)
    printf '%s\n' "$out/$name.zip"
}
