# What comes with the programs and is made from them or their sources: pages, completions, licences, the bill of materials.
# shellcheck shell=bash

readonly cyclonedx_version=0.5.9

# write_man FOLDER: a page of each program and of each command of aigwctl.
write_man() {
    local folder
    folder=$(programs_here)
    install -d "$1"
    "$folder/aigwctl" man --out "$1"
    "$folder/aigwd" man >"$1/aigwd.1"
    gzip -n -9 "$1"/*.1
}

# write_completions FOLDER FILE SHELL
write_completions() {
    install -d "$1"
    "$(programs_here)/aigwctl" completions "$3" >"$1/$2"
}

# write_papers FOLDER: whose work is in the programs, and under which terms.
write_papers() {
    local papers=$scratch/papers-$system
    [[ -d $papers ]] || make_papers "$papers"
    cp "$papers"/* "$1"
}

# make_papers FOLDER
make_papers() {
    needs python3
    local lean=$scratch/sources tools=$build_folder/packaging-tools program
    tool cargo-cyclonedx "$cyclonedx_version"
    # Cargo reads a workspace as a whole, and in ours the tests have the practice gateway built in. So it sees one without
    # tests; the bill of materials is written into that, too.
    rm -rf "$lean"
    mkdir -p "$lean/tests" "$1"
    cp -R Cargo.toml Cargo.lock LICENSE shared daemon ctl "$lean"
    cp -R tests/gateway "$lean/tests"
    sed -i 's|, "tests", "tests/gateway"\]|]|' "$lean/Cargo.toml"
    cargo metadata --format-version 1 --no-default-features --filter-platform "$system" \
        --manifest-path "$lean/Cargo.toml" >"$scratch/metadata.json"
    python3 "$packaging/licences.py" <"$scratch/metadata.json" >"$1/THIRD-PARTY-LICENSES"
    quietly "$tools/bin/cargo-cyclonedx" cyclonedx --quiet --format json --spec-version 1.5 --describe binaries \
        --no-default-features --no-build-deps --target "$system" --manifest-path "$lean/Cargo.toml"
    for program in daemon/aigwd ctl/aigwctl; do
        sed "s|$lean|/aigw|g" "$lean/${program}_bin.cdx.json" >"$1/${program##*/}.cdx.json"
    done
}

# tool CRATE VERSION is there, in this version.
tool() {
    [[ -e $tools/$1-$2 ]] || {
        cargo install --quiet --locked --debug --root "$tools" --target-dir "$tools/target" "$1@$2" >&2
        rm -rf "$tools/target"
        touch "$tools/$1-$2"
    }
}
