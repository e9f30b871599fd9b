# Follows a driver and starts what is staged by this boot and unclaimed. al_who: lines number and clone;
# al_starts: lines RUN, lab, id, attempt, token, spec hash, project's folder, cards, the cards'
# folder. al_sh: the shell, in words of ours.
# driver/<number> holds the clone that had this number.
al_follow() {
  { read -r al_number; read -r al_clone; } <<E
$(al_who)
E
  al_record driver "$al_number" "$al_clone" || return 2
  { read -r al_theirs; } 2>/dev/null <"driver/$al_number" || return 2
  al_highest=$al_number
  [ "$al_theirs" = "$al_clone" ] || return 1
  al_greatest driver
  [ "$al_highest" -eq "$al_number" ]
}
al_refusals() {
  set -- "$1"/refused.*
  al_count=$#
  [ -e "$1" ] || al_count=0
}
al_start_all() {
  al_lines= al_errors= al_pending=
  while IFS=$al_us read -r al_run al_lab al_id al_attempt al_token al_hash al_project al_cards al_shelf; do
    [ -e "$al_run/claim" ] && continue
    al_staged= al_code=
    { read -r al_staged; read -r al_code; } 2>/dev/null <"$al_run/staged"
    [ "$al_staged" = "boot $al_boot" ] || continue
    al_at "$al_project"
    al_lines=$al_lines$PWD/$al_run$al_us$al_lab$al_us$al_id$al_us$al_attempt$al_us$al_token$al_us$al_hash$al_us
    al_lines=$al_lines$al_p$al_us${al_code#code }$al_us$al_cards$al_us
    al_at "$al_shelf"
    al_lines=$al_lines$al_p"
"
    al_refusals "$al_run"
    al_pending="$al_pending $al_run:$al_count"
  done <<E
$(al_starts)
E
  [ -n "$al_pending" ] || return 0
  command -v setsid >/dev/null 2>&1 || { al_errors='no setsid on this host'; return 1; }
  al_epoch=$(($(date +%s) - ${al_up%.*}))
  # Descriptors on files: nothing of this may keep the connection open.
  (printf '%s' "$al_lines" | setsid $al_sh -c "$al_runner" autolab-runner "$al_umask" "$al_ns" "$al_epoch" "$al_sh" \
    "$al_us" >/dev/null 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-) 2>/dev/null
  al_tries=0
  { read -r al_now _; } </proc/uptime
  al_until=$((${al_now%.*} + 5))
  while [ -n "$al_pending" ] && [ "${al_now%.*}" -lt $al_until ]; do
    al_tries=$((al_tries + 1))
    if [ $al_tries -lt 10 ]; then al_nap 0.02; else al_nap 0.05; fi
    al_left=
    for al_one in $al_pending; do
      [ -e "${al_one%:*}/claim" ] && continue
      al_refusals "${al_one%:*}"
      # Refused anew: this child will not claim.
      [ "$al_count" -gt "${al_one##*:}" ] || al_left="$al_left $al_one"
    done
    al_pending=$al_left
    { read -r al_now _; } </proc/uptime
  done
}
