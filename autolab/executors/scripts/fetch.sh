# Files and folders below the folder we are in. al_paths: one a line, relative. Says of each whether it is there, then
# brings those that are, as one stream.
al_fetch() {
  set --
  while IFS= read -r al_path; do
    if [ -e "$al_path" ]; then
      printf 'there %s\n' "$al_path"
      set -- "$@" "./$al_path"
    else
      printf 'absent %s\n' "$al_path"
    fi
  done <<E
$(al_paths)
E
  echo files
  [ $# -eq 0 ] || TAR_OPTIONS= tar -cf - "$@" 2>/dev/null
}
