
# aigw is about to leave this machine. What it has set up for a user is taken back as this user: root writes in nobody's home.
# No question can be asked, and no command takes longer than half a minute. Who has moved ~/.local/state is not found.
take_back() {
    # What was done with sudo for all users, such as a certificate in the machine's store. HOME is nobody's.
    user=root uid=0 gid=0 home=/
    [ ! -d /var/lib/aigw/trust ] || as_user "ca uninstall"
    for unit in /etc/systemd/system/multi-user.target.wants/aigwd@*.service; do
        name=${unit##*/aigwd@}
        [ ! -L "$unit" ] || as_user "service uninstall --system ${name%.service}"
    done
    getent passwd | while IFS=: read -r user _ uid gid _ home _; do
        own=$home/.local/state/aigw
        [ ! -d "$own" ] || for command in "undo --all --yes" "ca uninstall" "service uninstall" stop; do
            as_user "$command"
        done
        # The account of an aigwd@USER.service.
        own=/var/lib/aigw/$user
        [ ! -d "$own" ] || for command in "undo --all --yes" "ca uninstall"; do
            as_user "$command" AIGW_HOME="$own"
        done
    done
}

# as_user COMMAND [VARIABLE] runs aigwctl as $user, without a terminal, and says what became of it.
as_user() {
    command=$1 status=0
    shift
    shown="${*:+$* }aigwctl $command"
    [ ! -d "/run/user/$uid" ] || set -- XDG_RUNTIME_DIR="/run/user/$uid" "$@"
    # shellcheck disable=SC2086 # $command is words.
    (cd / && exec setsid -w timeout -k 5 30 setpriv --reuid="$uid" --regid="$gid" --init-groups --reset-env \
        env HOME="$home" "$@" /usr/bin/aigwctl $command) </dev/null >/dev/null 2>&1 || status=$?
    case $status in
    0) echo "aigw: $user: done: $shown" ;;
    *) echo "aigw: $user: NOT done (status $status). As $user, with aigw installed again: $shown" >&2 ;;
    esac
}

# Those of the system's own manager.
stop_instances() {
    [ ! -d /run/systemd/system ] || systemctl stop 'aigwd@*.service' || true
}

reload_units() {
    [ ! -d /run/systemd/system ] || systemctl daemon-reload || true
}
