# Makes an environment ready and says what is in it, as the command of an attempt. al_probe, al_create and al_install
# print the text of a step, nothing where there is none; al_mark prints where a finished installation is remembered;
# al_probe_s, al_create_s, al_install_s: seconds that a step may take.
al_step() {
  al_file=$AUTOLAB_RUN_DIR/$1
  "al_$1" >"$al_file.sh"
  rm -f "$al_file.late"
  # A session of its own, so that all of it can be ended; in the background of a script it keeps this number.
  setsid /bin/sh "$al_file.sh" >"$al_file.out" 2>&1 </dev/null &
  al_pid=$!
  al_watch "$2" >/dev/null 2>&1 &
  al_watcher=$!
  wait "$al_pid"
  al_status=$?
  kill "$al_watcher" 2>/dev/null
  [ ! -e "$al_file.late" ] || al_status=124
  return "$al_status"
}
al_watch() {
  al_left=$1
  while [ "$al_left" -gt 0 ]; do
    sleep 1
    al_left=$((al_left - 1))
    # Folders that look old are swept away.
    [ $((al_left % 60)) -ne 0 ] || touch "$AUTOLAB_RUN_DIR/.."
  done
  : >"$al_file.late"
  kill -s TERM -- "-$al_pid"
  sleep 5
  kill -s KILL -- "-$al_pid"
}
al_failed() {
  printf 'failed %s %s\n' "$1" "$al_status"
  tail -n 20 "$AUTOLAB_RUN_DIR/$1.out" | cut -c 1-400 | head -c 8000 | sed 's/^/| /'
  exit 1
}
al_ready() {
  al_where=$(al_mark)
  case $al_where in "~/"*) al_where=$HOME/${al_where#"~/"} ;; esac
  al_new=
  if al_step probe "$al_probe_s"; then
    :
  elif [ "$al_status" -eq 78 ]; then
    [ -n "$(al_create)" ] || al_failed probe
    al_step create "$al_create_s" || al_failed create
    echo 'did create'
    al_new=yes
  else
    # It is there; what is missing in it may be among its packages.
    [ -n "$(al_install)" ] && [ ! -e "$al_where" ] || al_failed probe
  fi
  if [ -n "$(al_install)" ] && { [ -n "$al_new" ] || [ ! -e "$al_where" ]; }; then
    rm -f "$al_where"
    al_step install "$al_install_s" || al_failed install
    echo 'did install'
    al_new=yes
  fi
  [ -z "$al_new" ] || al_step probe "$al_probe_s" || al_failed probe
  sed -n 's/^autolab-probe /probe /p' "$AUTOLAB_RUN_DIR/probe.out" | tail -n 1
  [ -z "$(al_install)" ] || { mkdir -p "${al_where%/*}" && : >"$al_where"; }
}
