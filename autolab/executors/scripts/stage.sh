# Unpacks all folders of a request at once (descriptor 3), writes `staged` into each and publishes them.
# Says `lack RUN` where the code is not on the host yet. al_orders: lines RUN, folder of the code,
# project's folder, result file or "-".
al_stage_all() {
  al_random || { echo 'no source of random bits' >&2; return 1; }
  al_tmp=.stage.$al_n
  mkdir "$al_tmp" && al_sweep "$al_tmp"
  TAR_OPTIONS= tar -xmf - -C "$al_tmp" <&3 || { rm -rf "$al_tmp"; return 1; }
  al_files=
  set --
  while IFS=$al_us read -r al_run al_code al_project al_result; do
    [ -e "$al_run/staged" ] || [ -e "$al_run/claim" ] && continue
    al_at "$al_code"
    al_code=$al_p
    [ -d "$al_code" ] || { echo "lack $al_run"; continue; }
    al_at "$al_project"
    [ -d "$al_p" ] || mkdir -p "$al_p" || continue
    al_was='result absent'
    [ "$al_result" = - ] || [ ! -f "$al_p/$al_result" ] || al_was="result $(sha256sum <"$al_p/$al_result")"
    printf 'boot %s\ncode %s\n%s\n' "$al_boot" "$al_code" "$al_was" >"$al_tmp/$al_run/staged" || continue
    al_files="$al_files $al_tmp/$al_run/staged $al_tmp/$al_run"
    set -- "$@" "$al_run"
  done <<E
$(al_orders)
E
  [ $# -gt 0 ] || { rm -rf "$al_tmp"; return 0; }
  # Nothing else needs to outlive a power cut: after one another boot has begun, and what this one staged is not started.
  al_sync $al_files
  al_publish "$al_tmp" "$@"
}
