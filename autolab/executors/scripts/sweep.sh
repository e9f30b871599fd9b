# Folders that a staging left half made, here ($1: one just made, for its time): removed once nothing in them is younger
# than a day, by the clock of the file system that holds them. Whoever were still at work there would only find it gone.
al_sweep() {
  set -- "$1" .stage.*
  [ $# -gt 2 ] || return 0
  al_then=$(date -r "$1" +%s) && touch -d "@$((al_then - 86400))" "$1/.then" || return 0
  al_mine=$1
  shift
  for al_old; do
    [ "$al_old" != "$al_mine" ] && [ -d "$al_old" ] && [ ! -L "$al_old" ] || continue
    al_young=$(find "$al_old" -newer "$al_mine/.then") && [ -z "$al_young" ] && rm -rf "$al_old"
  done
  rm -f "$al_mine/.then"
} 2>/dev/null
