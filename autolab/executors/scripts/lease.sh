# Who may launch for a lab, on its anchor: lease/<number> holds one line about the clone that has this number.
# al_wanted: lines number and text, to take that number; none: only say.
al_lease() {
  al_number=
  { read -r al_number; read -r al_line; } <<E
$(al_wanted)
E
  if [ -n "$al_number" ]; then
    al_record lease "$al_number" "$al_line" || { echo 'error the lease cannot be written: disk full or not writable'; return; }
  fi
  al_greatest lease || { echo 'error the lease cannot be read'; return; }
  [ "$al_highest" -eq 0 ] || printf 'lease %s %s\n' "$al_highest" "$al_theirs"
}
