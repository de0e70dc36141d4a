# npm: one package with the programs of each platform, and one that depends on all of them and takes what fits. Nothing is run
# or fetched when it is installed.
# shellcheck shell=bash

# npm's names of a platform and a processor, for each triple that there may be programs for.
readonly npm_platforms='x86_64-unknown-linux-musl linux x64
aarch64-unknown-linux-musl linux arm64
x86_64-apple-darwin darwin x64
aarch64-apple-darwin darwin arm64
x86_64-pc-windows-gnu win32 x64'

make_npm() {
    needs node npm
    local main=$work/aigw platform os cpu ending='' field
    programs_for "$anywhere"
    read -r os cpu < <(sed -n "s/^$system //p" <<<"$npm_platforms") || die "npm has no name for $system"
    [[ $os != win32 ]] || ending=.exe
    platform=$work/aigw-$os-$cpu
    install -d "$platform/bin" "$main"
    install -m 755 "$found/aigwd$ending" "$found/aigwctl$ending" "$platform/bin"
    install -m 644 LICENSE "$platform"
    write_papers "$platform"
    cat >"$platform/package.json" <<JSON
{
  "name": "aigw-$os-$cpu",
  "version": "$version",
  "description": "The programs of aigw for $os on $cpu",
  "license": "MIT OR Apache-2.0",
  "os": ["$os"],
  "cpu": ["$cpu"],
  "preferUnplugged": true
}
JSON
    install -m 644 README.md LICENSE "$main"
    install -m 755 "$packaging/npm/aigwd.js" "$packaging/npm/aigwctl.js" "$main"
    install -m 644 "$packaging/npm/launch.js" "$main"
    write_man "$main/man"
    # man of npm takes no compressed pages.
    gunzip "$main"/man/*.gz
    field=$(cd "$main" && printf ', "./%s"' man/*.1)
    cat >"$main/package.json" <<JSON
{
  "name": "aigw",
  "version": "$version",
  "description": "Local door to a company's AI gateway",
  "license": "MIT OR Apache-2.0",
  "bin": { "aigwd": "aigwd.js", "aigwctl": "aigwctl.js" },
  "man": [${field#, }],
  "engines": { "node": ">=18" },
  "optionalDependencies": {
$(while read -r _ os cpu; do printf '    "aigw-%s-%s": "%s"\n' "$os" "$cpu" "$version"; done <<<"$npm_platforms" | sed '$!s/$/,/')
  }
}
JSON
    for field in "$platform" "$main"; do
        dated "$field"
        (cd "$field" && npm pack --silent --ignore-scripts --pack-destination "$out" | sed "s|^|$out/|")
    done
}
