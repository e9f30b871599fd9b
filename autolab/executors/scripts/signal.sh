# TERM to all of ours, again to what they start meanwhile, KILL after $1 seconds; never to a runner.
al_aim() {
  al_lost=$(al_pass targets 5>/dev/null | sed -n 's/^lost //p')
  al_targets=
  [ -n "$al_lost" ] || return 0
  al_lost="$al_lost
"
  al_targets=$(al_scan targets)
}
# $1 signal: to each target that did not get it yet, as "pid:start".
al_send() {
  while read -r _ _ al_pid al_born; do
    [ -n "$al_pid" ] || continue
    case $al_sent in *" $1:$al_pid:$al_born "*) continue ;; esac
    kill -s "$1" "$al_pid" 2>/dev/null
    al_sent="$al_sent$1:$al_pid:$al_born "
  done <<E
$al_targets
E
}
al_signal_all() {
  al_sent=' ' al_rounds=0
  { read -r al_now _; } </proc/uptime
  al_until=$((${al_now%.*} + $1))
  al_aim
  # Nobody left is believed when it was seen twice: a process may fork while the table is read.
  while [ $al_rounds -lt 3 ]; do
    al_rounds=$((al_rounds + 1))
    al_end_them
    al_nap 0.05
    al_aim
    [ -n "$al_targets" ] || return 0
  done
}
al_end_them() {
  al_tries=0
  while [ -n "$al_targets" ] && [ "${al_now%.*}" -lt "$al_until" ]; do
    al_send TERM
    al_tries=$((al_tries + 1))
    if [ $al_tries -lt 10 ]; then al_nap 0.05; else al_nap 0.3; fi
    al_aim
    { read -r al_now _; } </proc/uptime
  done
  al_tries=0
  # A fork that runs away is caught by coming back; a process that the kernel holds is not, and stays in `others`.
  while [ -n "$al_targets" ] && [ $al_tries -lt 10 ]; do
    al_sent=' '
    al_send KILL
    al_tries=$((al_tries + 1))
    al_nap 0.1
    al_aim
  done
}
