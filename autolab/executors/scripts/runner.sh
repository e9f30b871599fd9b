# Waits for the child and publishes how it ended, if the claim is its child's. Holds no descriptor of ours.
# $1 RUN  $2 lab  $3 id  $4 attempt  $5 token  $6 spec hash  $7 project's folder  $8 code  $9 umask
# $10 pid namespace, "" where the child must look  $11 "setsid", or "" in a job system, where the job has a session of
# its own and TERM and USR1 are passed on  $12 the epoch at boot, "" where `date` must be asked
# $13 the cards it is given, "" for none  $14 the folder where they are reserved
al_runner() {
  al_run=$1 al_hit= al_early=
  umask 077
  cd "$al_run" || exit 78
  # Caught, not ignored: what is ignored here would be ignored by the person's command for ever.
  trap 'al_hit=1' HUP INT USR2
  trap 'al_early="$al_early TERM"' TERM
  trap 'al_early="$al_early USR1"' USR1
  { read -r al_by; } 2>/dev/null </proc/sys/kernel/random/uuid || al_by=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  al_ticks self && al_runner_pid=$al_p al_runner_ticks=$al_t
  al_ooms
  al_before=$al_count
  if [ -n "${11}" ]; then
    # In the foreground: no wait that a signal could cut short.
    (al_child "$@") </dev/null >/dev/null 2>&1
    al_status=$?
  else
    (al_child "$@") </dev/null >/dev/null 2>&1 &
    al_await $!
  fi
  { read -r al_up _; } </proc/uptime
  if [ -n "${12}" ]; then al_when=$((${12} + ${al_up%.*})); else al_when=$(date +%s); fi
  al_tries=0
  while :; do
    al_line=
    { read -r al_line; } 2>/dev/null <claim && break
    [ -e claim ] || al_is_away || exit 0
    sleep 5
  done
  case $al_line in *"\"by\":\"$al_by\""*) ;; *) exit 0 ;; esac
  al_nonce=${al_line#*\"nonce\":\"}
  al_nonce=${al_nonce%%\"*}
  # The child is gone, and with it every right to the cards.
  [ -z "${13:-}" ] || { al_cards=${13} al_shelf=${14}; al_drop_cards; }
  [ -e "refused.$al_nonce" ] && exit 0
  # Whether the child's group outlived it: free to ask, and reason enough to count on the next look what did.
  al_pid=${al_line#*\"pid\":} al_left=
  al_pid=${al_pid%%,*}
  # dash wants the dashes, busybox cannot bear them.
  if [ -n "${11}" ] && { kill -s 0 -- "-$al_pid" || kill -s 0 "-$al_pid"; } 2>/dev/null; then al_left=',"left":1'; fi
  al_ooms
  al_oomed=
  [ "$al_count" -le "$al_before" ] || al_oomed=",\"ooms\":$((al_count - al_before))"
  al_publish_end "{\"nonce\":\"$al_nonce\",\"status\":$al_status,\"at\":$al_when,\"uptime_s\":$al_up$al_left$al_oomed}"
}
# How many processes of this cgroup the kernel has ended for want of memory, in al_count; 0 where that cannot be read.
al_ooms() {
  al_count=0 al_file=
  while IFS=: read -r al_1 al_2 al_3; do
    case $al_1:$al_2 in
    0:) al_file=/sys/fs/cgroup$al_3/memory.events ;;
    *:memory) al_file=/sys/fs/cgroup/memory$al_3/memory.oom_control ;;
    esac
  done 2>/dev/null </proc/self/cgroup
  while read -r al_1 al_2; do
    case $al_1:$al_2 in oom_kill:*[!0-9]*) ;; oom_kill:?*) al_count=$al_2 ;; esac
  done 2>/dev/null <"$al_file"
}
# Whether the folder's file system is away, which a network's may be for a while; after 500 tries it has gone for good.
# With `staged` in sight and no claim, the child never came that far.
al_is_away() {
  al_tries=$((al_tries + 1))
  [ ! -e staged ] && [ $al_tries -lt 500 ]
}
# $1 pid of a child in the background: its status in al_status, however many signals come.
al_await() {
  trap 'al_hit=1; kill -s TERM '"$1"' 2>/dev/null' TERM
  trap 'al_hit=1; kill -s USR1 '"$1"' 2>/dev/null' USR1
  # What came before these traps stood.
  for al_signal in $al_early; do kill -s $al_signal "$1" 2>/dev/null; done
  while :; do
    al_hit=
    wait "$1"
    al_status=$?
    [ -n "$al_hit" ] || return 0
    kill -0 "$1" 2>/dev/null && continue
    # Cut short by a signal, and the child is gone: its status may still be kept for a second wait (127: it is not).
    wait "$1"
    al_again=$?
    [ $al_again -eq 127 ] || al_status=$al_again
    return 0
  done
}
# A full disk must not lose the status: it is kept here and tried again until it is written or the folder is gone.
al_publish_end() {
  al_pause=1 al_tries=0
  while :; do
    al_back=
    { printf '%s\n' "$1" >".exit.$al_nonce"; } 2>/dev/null
    { read -r al_back; } 2>/dev/null <".exit.$al_nonce"
    if [ "$al_back" = "$1" ] && { sync ".exit.$al_nonce" 2>/dev/null || sync; } &&
      mv ".exit.$al_nonce" "exit.$al_nonce.json"; then
      sync . 2>/dev/null || sync
      exit 0
    fi
    [ -e claim ] || al_is_away || exit 0
    sleep $al_pause
    [ $al_pause -ge 30 ] || al_pause=$((al_pause * 2))
  done
}
