# Cards: who is on them by their vendor's tool, and who reserved them by a link in a folder that all users share.
# A tool that hangs, as one does on a broken driver, is ended.
al_ask() {
  (
    al_vendors
    if command -v timeout >/dev/null 2>&1; then timeout 20 "$@"; else "$@"; fi </dev/null 2>&1
  )
}
al_vendors() { PATH=$PATH:/opt/rocm/bin:/opt/mxdriver/bin; }
# $1 the tool; $2 "mig" where MIG instances matter. Lines "key pid mib"; mib "-" where it is not told.
# Fails, with what was said, where the answer is none that we can read: then nothing is known, not even that they are free.
al_users() {
  case $1 in
  nvidia-smi)
    al_said=$(al_ask nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory --format=csv,noheader,nounits) ||
      { printf '%s\n' "$al_said"; return 1; }
    printf '%s\n' "$al_said" | LC_ALL=C awk -F ', *' '
      $1 ~ /^(GPU|MIG)-/ && $2 ~ /^[0-9]+$/ { print $1, $2, ($3 ~ /^[0-9]+$/ ? $3 : "-"); next }
      NF && !/^No running/ { print; exit 3 }' || return 1
    [ "$2" = mig ] || return 0
    al_said=$(al_ask nvidia-smi) || { printf '%s\n' "$al_said"; return 1; }
    printf '%s\n' "$al_said" | LC_ALL=C awk '
      /^\| Processes:/ { on = 1 }
      on && $2 ~ /^[0-9]+$/ && $3 ~ /^[0-9]+$/ && $4 ~ /^[0-9]+$/ && $5 ~ /^[0-9]+$/ {
        mib = $(NF - 1)
        print $2 "/" $3 "/" $4, $5, (sub(/MiB$/, "", mib) ? mib : "-")
      }
      END { if (!on) exit 3 }' ;;
  amd-smi)
    al_said=$(al_ask amd-smi process --json) || { printf '%s\n' "$al_said"; return 1; }
    printf '%s\n' "$al_said" | tr '{},[]' '\n\n\n\n\n' | LC_ALL=C awk -F ': *' '
      $1 ~ /^ *"gpu"$/ { gpu = $2 + 0; on = 1 }
      $1 ~ /^ *"pid"$/ { gsub(/[" ]/, "", $2); if ($2 ~ /^[0-9]+$/) print "amd-" gpu, $2, "-" }
      END { if (!on) exit 3 }' ;;
  mx-smi)
    al_said=$(al_ask mx-smi) || { printf '%s\n' "$al_said"; return 1; }
    printf '%s\n' "$al_said" | LC_ALL=C awk '
      /^\| *Process:/ { on = 1 }
      on && $2 ~ /^[0-9]+$/ && $3 ~ /^[0-9]+$/ { print "metax-" $2, $3, ($(NF - 1) ~ /^[0-9]+$/ ? $(NF - 1) : "-") }
      END { if (!on) exit 3 }' ;;
  esac
}
# $1 pid: whose it is, as ls says; the owner of a folder in /proc is that of the process.
al_owner() {
  set -- $(ls -ld "/proc/$1" 2>/dev/null)
  al_o=${3:-}
}
# Whether the entry in $1 is proven over: its process is gone on this very boot, or another boot has begun, or it is
# ours and the claim it was taken for went to another nonce. What cannot be read is held. Sets what it says in h_*.
al_over() {
  h_nonce= h_lab= h_id= h_attempt= h_pid= h_ticks= h_boot= h_ns= h_share= h_run=
  { read -r h_nonce h_lab h_id h_attempt h_pid h_ticks h_boot h_ns h_share; read -r h_run; } <<E
$(head -c 2000 "$1" 2>/dev/null)
E
  case $h_id in *[!A-Za-z0-9._-]*) h_id=unreadable ;; esac
  case $h_pid-$h_ticks in *[!0-9-]* | -* | *-) return 1 ;; esac
  [ -n "$h_boot" ] && [ -n "$al_boot" ] || return 1
  [ "$h_boot" = "$al_boot" ] || return 0
  [ "$h_ns" = "$al_ns" ] || return 1
  # Where others' processes are hidden, one that is not to be seen may well be alive.
  [ -O "$1" ] || [ -d /proc/1 ] || return 1
  al_t=
  { read -r al_t; } 2>/dev/null <"/proc/$h_pid/stat" || return 0
  set -- "$1" ${al_t##*) }
  case $2 in Z | X) return 0 ;; esac
  [ "${21}" = "$h_ticks" ] || return 0
  [ -O "$1" ] && [ -n "$h_run" ] && [ -f "$h_run/claim" ] || return 1
  al_t=
  { read -r al_t; } 2>/dev/null <"$h_run/claim"
  case $al_t in "" | *"\"nonce\":\"$h_nonce\""*) return 1 ;; esac
}
# $1 folder  $2 card. Calls $3 with each entry that holds it; al_next: a number that no entry of it had.
al_each_holder() {
  al_next=0
  { read -r al_next _; } 2>/dev/null </proc/uptime
  al_next=${al_next%.*}${al_next#*.}
  for al_file in "$1/$2".*; do
    al_k=${al_file##*.}
    case $al_k in "" | 0* | *[!0-9]* | ????????????????*) continue ;; esac
    [ "$al_k" -lt "$al_next" ] || al_next=$((al_k + 1))
    # Never through a link, and nothing but a file: in this folder anybody may put anything.
    [ -f "$al_file" ] && [ ! -L "$al_file" ] || continue
    if ! al_over "$al_file"; then
      $3
    elif [ "$al_k" -lt "${al_sweep:-0}" ] && [ -O "$al_file" ]; then
      # Older than an entry of ours that stands: so no number ever comes twice.
      rm -f "$al_file" 2>/dev/null
    fi
  done
}
