# Makes RUN out of a temporary folder by renames that never replace: a folder that is there and not empty makes them
# fail, and naming the parent as the target keeps mv from nesting. $1 temporary folder; then the RUN names in it.
al_publish() {
  al_stage=$1
  shift
  [ $# -gt 0 ] || return 0
  al_new= al_more= al_parents=
  for al_run; do
    al_parents="$al_parents ${al_run%/*}"
    if [ -e "${al_run%/*}" ]; then al_more="$al_more $al_run"; else al_new="$al_new $al_stage/${al_run%/*}"; fi
  done
  # One rename for all that is new: ids are letters, digits, dots and dashes, so words are safe.
  [ -z "$al_new" ] || mv $al_new . || al_more="$*"
  for al_run in $al_more; do
    [ -e "$al_run/staged" ] || [ -e "$al_run/claim" ] || mv "$al_stage/$al_run" "${al_run%/*}/"
  done
  al_sync . $al_parents
  rm -rf "$al_stage"
}
