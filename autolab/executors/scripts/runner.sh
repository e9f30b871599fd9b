# Waits for the child and publishes how it ended, in whose name the claim stands. Holds no descriptor of ours.
# $1 RUN  $2 lab  $3 id  $4 attempt  $5 token  $6 spec hash  $7 project folder  $8 code  $9 umask  $10 child's text
# $11 pid namespace, "" where the child must look  $12 "pass" in a job system: TERM and USR1 go on to the child
al_run=$1 al_hit=
umask 077
cd "$al_run" || exit 78
# Caught, not ignored: what is ignored here would be ignored by the person's command for ever.
trap 'al_hit=1' HUP INT TERM USR1 USR2
{ read -r al_by; } 2>/dev/null </proc/sys/kernel/random/uuid || al_by=$$-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
al_child=${10} al_pass=${12}
set -- "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$9" "${11}" "$al_by"
if [ -z "$al_pass" ]; then
  # In the foreground: no wait that a signal could cut short, and INT keeps its meaning in the child.
  setsid $AL_SH -c "$al_child" autolab-job "$@" </dev/null >/dev/null 2>&1
  al_status=$?
else
  $AL_SH -c "$al_child" autolab-job "$@" </dev/null >/dev/null 2>&1 &
  al_pid=$!
  trap 'al_hit=1; kill -TERM $al_pid 2>/dev/null' TERM
  trap 'al_hit=1; kill -USR1 $al_pid 2>/dev/null' USR1
  while :; do
    al_hit=
    wait $al_pid
    al_status=$?
    [ -n "$al_hit" ] || break
    kill -0 $al_pid 2>/dev/null && continue
    # Cut short by a signal, and the child is gone: its status may still be kept for a second wait (127: it is not).
    wait $al_pid
    al_again=$?
    [ $al_again -eq 127 ] || al_status=$al_again
    break
  done
fi
{ read -r al_up _; } </proc/uptime
al_when=$(date -u +%Y-%m-%dT%H:%M:%SZ)
al_line=
while :; do
  { read -r al_line; } 2>/dev/null <claim && break
  # No claim: the child never came that far. A folder on a network may be away for a while.
  [ -e claim ] || exit 0
  sleep 5
done
case $al_line in *"\"by\":\"$al_by\""*) ;; *) exit 0 ;; esac
al_nonce=${al_line#*\"nonce\":\"}
al_nonce=${al_nonce%%\"*}
[ -e "refused.$al_nonce" ] && exit 0
al_record="{\"nonce\":\"$al_nonce\",\"status\":$al_status,\"at\":\"$al_when\",\"uptime_s\":$al_up}"
al_wait=1
# A full disk must not lose the status: it is kept here and tried again until it is written or the folder is gone.
while :; do
  al_back=
  { printf '%s\n' "$al_record" >".exit.$al_nonce"; } 2>/dev/null
  { read -r al_back; } 2>/dev/null <".exit.$al_nonce"
  if [ "$al_back" = "$al_record" ] && { sync ".exit.$al_nonce" 2>/dev/null || sync; } &&
    mv ".exit.$al_nonce" "exit.$al_nonce.json"; then
    sync . 2>/dev/null || sync
    exit 0
  fi
  [ -e "$al_run/claim" ] || exit 0
  sleep $al_wait
  [ $al_wait -ge 30 ] || al_wait=$((al_wait * 2))
done
