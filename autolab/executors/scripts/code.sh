# A snapshot of the project's files (descriptor 3), by a rename that never replaces. al_place: its folder;
# al_links: lines name in it, target.
al_snapshot() {
  al_at "$(al_place)"
  al_code=$al_p al_parent=${al_p%/*} al_base=${al_p##*/}
  [ -d "$al_code" ] && { cat <&3 >/dev/null; return 0; }
  al_random || { echo 'no source of random bits' >&2; return 1; }
  al_tmp=$al_parent/.stage.$al_n
  mkdir -p "$al_tmp/$al_base" && (cd "$al_parent" && al_sweep "${al_tmp##*/}")
  TAR_OPTIONS= tar -xmf - -C "$al_tmp/$al_base" <&3 || { rm -rf "$al_tmp"; return 1; }
  while IFS=$al_us read -r al_name al_target; do
    [ -n "$al_name" ] || continue
    al_at "$al_target"
    al_link=$al_tmp/$al_base/$al_name
    rm -rf "$al_link"
    mkdir -p "${al_link%/*}" && { [ -e "$al_p" ] || mkdir -p "$al_p"; } && ln -s "$al_p" "$al_link" && continue
    rm -rf "$al_tmp"
    return 1
  done <<E
$(al_links)
E
  # It outlives reboots under this name, so no file in it may turn out empty after a power cut.
  sync -f "$al_tmp" 2>/dev/null || sync
  mv "$al_tmp/$al_base" "$al_parent/"
  rm -rf "$al_tmp"
  al_sync "$al_parent"
  [ -d "$al_code" ]
}
