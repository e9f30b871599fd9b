# Numbers that only grow: <folder>/<number> is made whole by a link and never changed, and the greatest name counts.
# So what is recorded only grows, without a lock that could be left behind.
# $1 folder, $2 number, $3 one line; 2: it cannot be recorded. Whoever links first has the number.
al_record() {
  [ ! -e "$1/$2" ] || return 0
  mkdir -p "$1" && al_random && printf '%s\n' "$3" >"$1/.$al_n" || return 2
  al_back=
  { read -r al_back; } 2>/dev/null <"$1/.$al_n"
  # A full disk makes an empty file, and what is linked once stays for ever.
  [ "$al_back" = "$3" ] || { rm -f "$1/.$al_n"; return 2; }
  al_sync "$1/.$al_n"
  ln "$1/.$al_n" "$1/$2" 2>/dev/null
  rm -f "$1/.$al_n"
  al_sync "$1" .
}
# $1 folder -> al_highest, 0 where there is none, and its line al_theirs; 2: it cannot be read.
al_greatest() {
  al_highest=0 al_theirs=
  for al_name in "$1"/*; do
    al_name=${al_name##*/}
    case $al_name in "" | 0* | *[!0-9]*) continue ;; esac
    [ "$al_name" -le "$al_highest" ] || al_highest=$al_name
  done
  [ "$al_highest" -eq 0 ] || { read -r al_theirs; } 2>/dev/null <"$1/$al_highest" || return 2
}
