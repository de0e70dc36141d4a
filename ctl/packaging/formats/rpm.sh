# Fedora, RHEL, SUSE and what descends from them.
# shellcheck shell=bash

make_rpm() {
    needs rpmbuild
    local tree=$work/tree architecture
    programs_for "$(this_machine)"
    architecture=${system%%-*}
    stage /usr "$tree/usr"
    mkdir -p "$tree/usr/share/licenses/aigw"
    mv "$tree/usr/share/doc/aigw/LICENSE" "$tree/usr/share/doc/aigw/THIRD-PARTY-LICENSES" "$tree/usr/share/licenses/aigw"
    dated "$tree"
    {
        sed -e "s|@VERSION@|${version//-/\~}|" -e "s|@TREE@|$tree|" "$packaging/formats/aigw.spec"
        printf '%%post\n'
        scriptlet
        printf 'reload_units\n\n%%preun\n'
        scriptlet
        # 0 are left after this: a removal, no upgrade.
        printf 'if [ "$1" = 0 ]; then take_back; stop_instances; fi\n\n%%postun\n'
        scriptlet
        printf 'reload_units\n'
    } >"$work/aigw.spec"
    quietly rpmbuild -bb --target "$architecture" \
        --define "_topdir $work/rpmbuild" --define "_rpmdir $out" --define '_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm' \
        --define '_buildhost localhost' --define 'use_source_date_epoch_as_buildtime 1' \
        --define 'clamp_mtime_to_source_date_epoch 1' --define '_build_id_links none' --define '_binary_payload w9.xzdio' \
        "$work/aigw.spec"
    printf '%s\n' "$out/aigw-${version//-/\~}-1.$architecture.rpm"
}

# In a scriptlet a percent sign begins a macro.
scriptlet() { sed 's/%/%%/g' "$packaging/formats/removal.sh"; }
