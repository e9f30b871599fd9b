# What a host can do, one line each: "can <what> yes|no <words>". In the lab's folder, which the request has made.
al_can() { printf 'can %s %s %s\n' "$1" "$2" "$3"; }
al_check() {
  # Folders of earlier proofs, old enough that nobody is at work in them.
  find . -maxdepth 1 -name 'probe-*' -mmin +60 -exec rm -rf {} + 2>/dev/null
  al_tools='setsid awk ls xargs tar ln mv sync sleep sed tr od tail head wc find sha256sum date id readlink mkdir'
  for al_tool in $al_tools; do
    command -v $al_tool >/dev/null 2>&1 && al_can "tool:$al_tool" yes '' || al_can "tool:$al_tool" no 'not in PATH'
  done
  [ -n "$al_boot" ] && [ -n "$al_ns" ] && al_can proc yes '' || al_can proc no 'boot id or pid namespace unreadable'
  [ -n "$al_machine" ] && al_can machine yes '' || al_can machine no 'no /etc/machine-id: told apart by name alone'
  sleep 0.01 2>/dev/null && al_can short_sleep yes '' || al_can short_sleep no 'ends are noticed within a second'
  al_random
  : >".check.$al_n"
  ln ".check.$al_n" ".check.$al_n.link" 2>/dev/null && al_can links yes '' || al_can links no 'no hard links here'
  rm -f ".check.$al_n" ".check.$al_n.link"
  al_can free yes "$(df -Pk . 2>/dev/null | tail -n 1 | tr -s ' ' | cut -d ' ' -f 4)"
  al_gpus=$(nvidia-smi --query-gpu=index --format=csv,noheader 2>/dev/null | tr '\n' ' ') && [ -n "$al_gpus" ] &&
    al_can gpus yes "$al_gpus"
}
