# Removes what a lab needs no more, below its folder; says "gone|keeps <kind> <name> <bytes> <why>" of each. al_runs:
# lines RUN; al_keep: lines names of snapshots. $1: minutes that anything must be old; $2: yes: only say it.
# Of an attempt the claim stays: where it is, nothing can ever start again.
al_clean() {
  al_old=$1 al_dry=$2
  al_runs | while IFS= read -r al_run; do
    [ -d "$al_run" ] && [ ! -L "$al_run" ] && [ ! -L "${al_run%/*}" ] || continue
    al_size=$(al_bytes "$al_run")
    if al_lives "$al_run"; then al_told keeps attempt "$al_run" "$al_size" alive; continue; fi
    al_rest=$(find "$al_run" -mindepth 1 -maxdepth 1 ! -name claim | head -n 1)
    [ -n "$al_rest" ] || continue
    [ "$al_dry" = yes ] || find "$al_run" -mindepth 1 -maxdepth 1 ! -name claim -exec rm -rf {} +
    al_told gone attempt "$al_run" "$al_size" ''
  done
  [ ! -d code ] || [ -L code ] || find code -mindepth 1 -maxdepth 1 -type d ! -name '.*' -mmin "+$al_old" |
    while IFS= read -r al_code; do
      al_name=${al_code#code/}
      al_keep | grep -q -x -F -e "$al_name" && continue
      al_needed "$al_name" && continue
      al_size=$(al_bytes "$al_code")
      if [ "$al_dry" != yes ]; then
        # Out of the way first: who stages meanwhile finds it missing and sends it anew, or is seen below.
        al_random && mv "$al_code" "code/.gone.$al_n" || continue
        if al_needed "$al_name"; then mv "code/.gone.$al_n" "$al_code"; continue; fi
        rm -rf "code/.gone.$al_n"
      fi
      al_told gone code "$al_name" "$al_size" ''
    done
  find . code -mindepth 1 -maxdepth 1 -type d \( -name '.stage.*' -o -name '.gone.*' \) -mmin +1440 2>/dev/null |
    while IFS= read -r al_half; do
      al_size=$(al_bytes "$al_half")
      [ "$al_dry" = yes ] || rm -rf "$al_half"
      al_told gone half-made "${al_half##*/}" "$al_size" ''
    done
}
al_told() { printf '%s %s %s %s %s\n' "$1" "$2" "$3" "$4" "$5"; }
al_bytes() { echo $(($(du -sk "$1" 2>/dev/null | tail -n 1 | cut -f 1) * 1024)); }
# Something was staged from that snapshot and its end is not there.
al_needed() {
  grep -l -F -e "/code/$1" ./*/a*/staged 2>/dev/null | while IFS= read -r al_staged; do
    set -- "${al_staged%/staged}"/exit.*.json
    [ -e "$1" ] || { echo needed; break; }
  done | grep -q needed
}
# Its claim names a process of this boot that is there, and no end.
al_lives() {
  set -- "$1" "$1"/exit.*.json
  [ -e "$2" ] && return 1
  al_line=
  { read -r al_line; } 2>/dev/null <"$1/claim"
  case $al_line in *"\"boot_id\":\"$al_boot\""*) ;; *) return 1 ;; esac
  al_pid=${al_line#*'"pid":'}
  al_pid=${al_pid%%,*}
  case $al_pid in "" | *[!0-9]*) return 1 ;; esac
  [ -d "/proc/$al_pid" ]
}
