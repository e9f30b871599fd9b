# Whole files, each behind a line with its size and sum. al_wanted: lines RUN, bytes of log already there, project's
# folder, result file or "-". $1: most bytes of one log.
al_give() {
  [ -f "$3" ] && [ -r "$3" ] || { printf 'none %s %s\n' "$1" "$2"; return; }
  al_size=$(($(wc -c <"$3") - $4))
  [ $al_size -ge 0 ] || al_size=0
  [ "$5" -eq 0 ] || [ $al_size -le "$5" ] || al_size=$5
  al_sum=$(tail -c +$(($4 + 1)) <"$3" | head -c $al_size | sha256sum)
  printf 'file %s %s %s %s\n' "$1" "$2" $al_size "${al_sum%% *}"
  tail -c +$(($4 + 1)) <"$3" | head -c $al_size
  echo
}
al_collect_all() {
  al_kernel_by=
  while IFS=$al_us read -r al_run al_from al_project al_result; do
    al_at "$al_project"
    al_give "$al_run" log "$al_run/out.log" "$al_from" "$1"
    al_json=${al_run%/*}.run.json
    al_give "$al_run" run_json "$al_p/dispatch/$al_json" 0 0
    al_cause "$al_run" "$al_p"
    [ "$al_result" = - ] || al_give "$al_run" result "$al_p/$al_result" 0 0
  done <<E
$(al_wanted)
E
  echo over
}
