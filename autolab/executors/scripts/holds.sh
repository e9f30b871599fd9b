# What is here of a lab: whom the host follows, and the spec.json of every attempt.
# A folder that cannot be listed is said, because what may be in it is not known.
al_driver() {
  al_greatest driver
  [ "$al_highest" -eq 0 ] || printf 'driver %s %s\n' "$al_highest" "$al_theirs"
}
al_holds() {
  al_found=
  [ -r . ] || echo 'error the state folder cannot be listed'
  for al_dir in *; do
    [ -d "$al_dir" ] && [ ! -L "$al_dir" ] || continue
    case $al_dir in *[!A-Za-z0-9._-]*) continue ;; esac
    [ -r "$al_dir" ] && [ -x "$al_dir" ] || { printf 'error %s cannot be listed\n' "$al_dir"; continue; }
    for al_run in "$al_dir"/a*; do
      case ${al_run#"$al_dir/a"} in "" | 0* | *[!0-9]*) continue ;; esac
      [ -d "$al_run" ] && [ ! -L "$al_run" ] || continue
      [ -x "$al_run" ] || { printf 'error %s cannot be entered\n' "$al_run"; continue; }
      # A folder that a fence made holds a claim alone: nothing ever ran in it.
      [ -f "$al_run/spec.json" ] && [ ! -L "$al_run/spec.json" ] || continue
      printf 'holds %s\n' "$al_run"
      al_found="$al_found$al_run/spec.json
"
    done
  done
}
al_bring_holds() {
  echo files
  [ -z "$al_found" ] || printf '%s' "$al_found" | TAR_OPTIONS= xargs tar -cf - 2>/dev/null
}
