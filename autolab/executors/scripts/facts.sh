# What a host is like, one line each: "fact <name> <words>". What cannot be told is not said. In any folder;
# al_places: lines name, folder.
al_fact() { printf 'fact %s %s\n' "$1" "$2"; }
al_facts() {
  al_fact clock "$(date +%s)"
  while IFS=$al_us read -r al_name al_folder; do
    al_at "$al_folder"
    # Of a folder that is not there yet: the nearest one above it that is.
    while [ ! -d "$al_p" ] && [ -n "$al_p" ]; do al_p=${al_p%/*}; done
    al_fact "free:$al_name" "$(df -Pk "${al_p:-/}" 2>/dev/null | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4)"
    if [ -w "${al_p:-/}" ]; then al_fact "write:$al_name" yes; else al_fact "write:$al_name" no; fi
  done <<E
$(al_places)
E
  al_container
  al_at_logout
}
al_container() {
  al_kind=
  if [ -e /.dockerenv ]; then al_kind=docker
  elif [ -e /run/.containerenv ]; then al_kind=podman
  elif [ -n "$APPTAINER_CONTAINER$SINGULARITY_CONTAINER" ]; then al_kind=apptainer
  elif grep -q -e docker -e kubepods -e containerd -e lxc /proc/1/cgroup 2>/dev/null; then al_kind=yes
  elif [ -r /run/systemd/container ]; then read -r al_kind </run/systemd/container
  fi
  al_fact container "${al_kind:-no}"
}
# Whether systemd ends what a user left running at logout: its own word, else its settings, else its default.
al_at_logout() {
  [ -d /run/systemd/system ] || { al_fact logout keeps; return; }
  al_kills=$(busctl --system get-property org.freedesktop.login1 /org/freedesktop/login1 \
    org.freedesktop.login1.Manager KillUserProcesses 2>/dev/null </dev/null)
  case $al_kills in
  *true*) ;;
  *false*) al_fact logout keeps; return ;;
  *)
    al_kills=$(cat /etc/systemd/logind.conf /etc/systemd/logind.conf.d/*.conf /usr/lib/systemd/logind.conf.d/*.conf \
      2>/dev/null | sed -n 's/^ *KillUserProcesses *= *//p' | tail -n 1)
    case $al_kills in
    yes | true | on | 1) ;;
    "" | no | false | off | 0) al_fact logout keeps; return ;;
    *) return ;;
    esac
    ;;
  esac
  al_user=$(id -un)
  al_linger=$(loginctl show-user "$al_user" --property=Linger 2>/dev/null </dev/null)
  [ -e "/var/lib/systemd/linger/$al_user" ] && al_linger=Linger=yes
  case $al_linger in
  Linger=yes) al_fact logout keeps ;;
  *) if [ "$al_user" = root ]; then al_fact logout keeps; else al_fact logout kills; fi ;;
  esac
}
