# What this host's kernel and disks say about an attempt that did not end well: lines of words, numbers and names.
# Unreadable is said so. The kernel's log is read once for all attempts of a request.
al_kernel() {
  [ -z "$al_kernel_by" ] || return 0
  al_kernel_by=unreadable
  al_kernel_log=$(dmesg 2>/dev/null) && al_kernel_by=dmesg
  if [ $al_kernel_by = unreadable ]; then
    al_kernel_log=$(journalctl -k -b -q --no-pager -o short-monotonic -n 20000 2>/dev/null) && [ -n "$al_kernel_log" ] &&
      al_kernel_by=journal
  fi
  al_kernel_log=$(printf '%s\n' "$al_kernel_log" | grep -E 'Killed process [0-9]+|NVRM: Xid' | tail -n 200)
}
# $1 RUN. Seconds since boot of its start and end, and its pid, from claim and exit record; 0 where unknown.
al_span() {
  al_pid=0 al_from=0 al_until=0 al_ended=
  set -- "$1" $(sed -n 's/.*"pid":\([0-9]*\),"start_ticks":\([0-9]*\),.*/\1 \2/p' "$1/claim" 2>/dev/null)
  [ $# -ne 3 ] || { al_pid=$2 al_from=$(($3 / 100)); }
  set -- $(sed -n 's/.*"status":\([0-9]*\),.*"uptime_s":\([0-9]*\).*/\1 \2/p' "$1"/exit.*.json 2>/dev/null)
  [ $# -ne 2 ] || { al_ended=$1 al_until=$2; }
}
# Ours by its pid, or by the mark that each child of ours sets itself (oom_score_adj 500) when the kernel killed it at
# the end of an attempt that KILL ended. Times err by seconds: the two clocks differ where the machine has slept.
al_killed() {
  printf '%s\n' "$al_kernel_log" | LC_ALL=C awk -v pid="$al_pid" -v from="$al_from" -v until="$al_until" \
    -v ended="$al_ended" -v uid="$(id -u)" '
    { at = $0; sub(/^\[ */, "", at); at += 0 }
    at < from - 10 || (until && at > until + 60) { next }
    /NVRM: Xid/ { if (match($0, /\): [0-9]+/)) print "xid", substr($0, RSTART + 3, RLENGTH - 3); next }
    match($0, /Killed process [0-9]+/) {
      mine = substr($0, RSTART + 15, RLENGTH - 15) == pid
      marked = /oom_score_adj:500/ && index($0, "UID:" uid " ") && (ended == "" || ended == 137) && at > until - 120
      if (mine || marked) print "oom", substr($0, RSTART + 15, RLENGTH - 15)
    }'
}
al_about() {
  printf 'kernel %s\n' "$al_kernel_by"
  al_span "$1"
  al_killed
  for al_disk in "$1" "$2" /tmp /dev/shm; do
    set -- "$1" "$2" $(df -P -k "$al_disk" 2>/dev/null | sed -n '2s/.* \([0-9]\{1,\}\) \{1,\}[0-9]\{1,\}% .*/\1/p')
    [ -z "${3-}" ] || printf 'disk %s %s\n' "$3" "$al_disk"
  done
}
# $1 RUN  $2 project's folder: framed like a file, where it did not end with status 0.
al_cause() {
  al_span "$1"
  [ "$al_ended" != 0 ] || { printf 'none %s cause\n' "$1"; return; }
  al_kernel
  al_text=$(al_about "$1" "$2")
  al_sum=$(printf '%s\n' "$al_text" | sha256sum)
  printf 'file %s cause %s %s\n%s\n\n' "$1" $(($(printf '%s\n' "$al_text" | wc -c))) "${al_sum%% *}" "$al_text"
}
