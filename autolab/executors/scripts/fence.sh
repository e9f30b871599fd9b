# Links a FENCED record to `claim`: al_fences gives lines RUN and the record, with NONCE where its nonce goes.
# Where RUN is absent the fence makes it, by the renames of staging, with the claim in it: a staging packet that comes
# later finds the folder there, not empty, and does nothing. One that came first has made RUN: the request calls this
# twice, and the second time the link in that folder decides.
al_fence_all() {
  al_random || { echo 'no source of random bits' >&2; return 1; }
  al_tmp=.stage.$al_n
  set --
  while IFS=$al_us read -r al_run al_record; do
    [ -e "$al_run/claim" ] && continue
    al_random || return 1
    al_record=${al_record%%NONCE*}FENCED$al_n${al_record#*NONCE}
    if [ -d "$al_run" ]; then
      al_fence_one "$al_run" "FENCED$al_n"
    elif mkdir -p "$al_tmp/$al_run" && al_fence_one "$al_tmp/$al_run" "FENCED$al_n"; then
      set -- "$@" "$al_run"
    fi
  done <<E
$(al_fences)
E
  [ $# -gt 0 ] || { rm -rf "$al_tmp"; return 0; }
  al_publish "$al_tmp" "$@" 2>/dev/null
}
al_fence_one() {
  set -C
  printf '%s\n' "$al_record" >"$1/me.$2"
  set +C
  al_back=
  { read -r al_back; } 2>/dev/null <"$1/me.$2"
  [ "$al_back" = "$al_record" ] || return 1
  al_sync "$1/me.$2"
  ln "$1/me.$2" "$1/claim" 2>/dev/null
  al_sync "$1"
}
