# Removes folders below the one we are in; says "gone checkpoint <number> <bytes>" or "keeps ... <why>" of each that is
# there. al_paths: one a line, relative; their numbers count from 1. $1: yes: only say it.
al_remove_checkpoints() {
  al_dry=$1 al_number=0 al_here=$(pwd -P)
  al_paths | while IFS= read -r al_path; do
    al_number=$((al_number + 1))
    [ -d "$al_path" ] && [ ! -L "$al_path" ] || continue
    # A link on the way would lead us to somebody else's files.
    al_real=$(cd "./$al_path" 2>/dev/null && pwd -P) || continue
    if [ "$al_real" != "$al_here/$al_path" ]; then
      al_told keeps checkpoint $al_number 0 'a link leads to it'
      continue
    fi
    al_size=$(al_bytes "./$al_path")
    [ "$al_dry" = yes ] || rm -rf "./$al_path"
    if [ "$al_dry" != yes ] && [ -e "$al_path" ]; then
      al_told keeps checkpoint $al_number "$al_size" 'not all of it could be removed'
    else
      al_told gone checkpoint $al_number "$al_size" ''
    fi
  done
}
