# Processes of ours beside child and runner. al_lost: lines "RUN nonce pid ticks runner"; $1 counts or targets.
# One pass over /proc for all of them: the environments are read by one program, not by one for each process.
al_scan() {
  al_self=$(id -u)
  al_table=$({ printf '%s' "$al_lost"; echo %; printf '%s\n' /proc/[0-9]*; } |
    LC_ALL=C awk -v self="$al_self" "$al_proc_awk")
  set -- "$1" /dev/null
  al_blind=
  while read -r al_pid _; do
    [ -n "$al_pid" ] || continue
    # Opening is the test: for a process that may not be traced the permission bits say nothing.
    if { true </proc/"$al_pid"/environ; } 2>/dev/null; then
      set -- "$@" "/proc/$al_pid/environ"
    elif { read -r al_stat; } 2>/dev/null </proc/"$al_pid"/stat; then
      # One that ended since the table was made cannot be opened either, and hides nothing.
      case ${al_stat##*) } in [ZX]*) continue ;; esac
      al_blind="${al_blind}B $al_pid
"
    fi
  done <<E
$al_table
E
  al_kind=$1
  shift
  {
    printf '%s' "$al_lost"
    echo %
    printf '%s\n%s' "$al_table" "$al_blind"
    echo %
    tail -n +1 "$@" 2>/dev/null | tr '\0' '\n'
  } | LC_ALL=C awk -v kind="$al_kind" "$al_join_awk"
}
