# Looking. The request defines al_runs, the names of the attempts; al_known, words of those that were seen running;
# al_new, the names of the others; al_report "targets" (look.awk on the lines of the attempts and on standard input) and
# al_alike (same.awk on al_known). The report goes to descriptor 5, what is left for the shell to do to standard output.
# The name beside the folders is there so that ls prints a heading for one folder too; a person's settings for ls would
# change its columns.
al_ls() { LC_ALL=C TIME_STYLE=locale BLOCK_SIZE=1 LS_BLOCK_SIZE=1 ls "$@" 2>/dev/null; }
al_pass() {
  {
    printf '%s\n' $al_runs %
    al_ls -lnA driver $al_runs
  } | al_report "$1"
}
# Leaves in al_runs what needs more than the word "same", which goes to descriptor 5, and in al_waits the files by which
# the others would end. Reading is left to awk, but only a shell can tell that a name is there without opening it.
al_sift() {
  al_waits= al_news=' ' al_logged=
  [ -n "$al_known" ] || return 0
  for al_one in $al_known; do
    al_run=${al_one%%:*} al_nonce=${al_one#*:}
    al_nonce=${al_nonce%%:*} al_logged="$al_logged $al_run/out.log"
    if [ -f "$al_run/claim" ] && [ ! -e "$al_run/exit.$al_nonce.json" ] && [ ! -e "$al_run/refused.$al_nonce" ]; then
      al_waits="$al_waits $al_run/exit.$al_nonce.json $al_run/refused.$al_nonce"
    else
      al_news="$al_news$al_run "
    fi
  done
  al_runs="$al_new $(al_ls -lnd $al_logged | al_alike 2>&1 >&5)"
}
# $1 folder, $2 file. Newer than the claim by the file system's own clock, or not what it was at staging.
al_fresh() {
  al_f=absent
  [ -e "$2" ] || return 0
  al_f=stale
  [ -f "$2" ] && [ -s "$2" ] || return 0
  # Some shells compare whole seconds only, which errs towards "not newer": find has the last word.
  if [ "$2" -nt "$1/claim" ] || [ -n "$(find "$2" -newer "$1/claim" 2>/dev/null)" ]; then
    al_f=fresh
    return 0
  fi
  al_was=
  { read -r _; read -r _; read -r al_was; } 2>/dev/null <"$1/staged"
  case $al_was in
  "result absent") al_f=fresh ;;
  "result "*) [ "$al_was" = "result $(sha256sum <"$2")" ] || al_f=fresh ;;
  esac
}
# Reads what is left to do; sets al_rest (lines of the reply), al_logs and al_told (files to bring).
al_finish() {
  al_rest= al_logs= al_lost= al_tolds=
  while IFS= read -r al_line; do
    al_word=${al_line#* }
    case $al_line in
    "missing "*)
      # A folder that is there and cannot be listed is not a folder that has gone.
      [ -e "$al_word" ] && al_rest="${al_rest}unlisted $al_word
" ;;
    "result "*)
      al_fresh "${al_word%%"$al_us"*}" "${al_word#*"$al_us"}"
      al_rest="${al_rest}result ${al_word%%"$al_us"*} $al_f
" ;;
    "log "*) al_logs="$al_logs $al_word/out.log" ;;
    "told "*) al_tolds="$al_tolds$al_word
" ;;
    "lost "*) al_lost="$al_lost$al_word
" ;;
    esac
  done
  [ -z "$al_lost" ] || al_rest="$al_rest$(al_scan counts)
"
}
# The files that ended attempts told us something in: own logs, and dispatch/<ID>.run.json in the project's folder.
al_bring() {
  [ -z "$al_logs" ] || TAR_OPTIONS= tar -cf - $al_logs 2>/dev/null
  while IFS=$al_us read -r al_run al_dir; do
    al_file=${al_run%/*}.run.json
    [ -f "$al_dir/dispatch/$al_file" ] || continue
    [ "$(wc -c <"$al_dir/dispatch/$al_file")" -le 65536 ] || continue
    (cd "$al_dir" && TAR_OPTIONS= tar -cf - "dispatch/$al_file" 2>/dev/null)
  done <<E
$al_tolds
E
}
# $1 seconds. Comes back when an awaited file appears, one beat later so that ends that fall together come together.
al_hold() {
  al_sift 5>/dev/null
  al_todo=
  [ -z "${al_runs# }" ] || al_todo=$(al_pass '' 5>/dev/null)
  case "
$al_todo" in *"
news "*) return 0 ;; esac
  [ -z "$al_todo" ] || al_waits="$al_waits $(printf '%s\n' "$al_todo" | sed -n 's/^await //p')"
  set -- "$1" $al_waits
  { read -r al_now _; } </proc/uptime
  al_until=$((${al_now%.*} + $1))
  shift
  while [ $# -gt 0 ]; do
    for al_file; do
      [ -e "$al_file" ] || continue
      al_nap 0.05
      return 0
    done
    { read -r al_now _; } </proc/uptime
    [ "${al_now%.*}" -lt "$al_until" ] || return 0
    al_nap 0.05
  done
}
# $1 seconds to stay open for an end.
al_look() {
  [ "$1" -eq 0 ] || al_hold "$1"
  al_sift 5>&1
  al_read=
  [ -z "${al_runs# }" ] || { al_read=$(al_pass '' 5>&4); } 4>&1
  al_finish <<E
$al_read
E
  printf '%s' "$al_rest"
  echo files
  al_bring
}
