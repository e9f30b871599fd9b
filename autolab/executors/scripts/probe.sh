# What a vendor's tool says of this host's cards, in parts; each line of it stands behind "| ", so that none is taken for
# one of ours. Then the processes on the cards and whose they are, and the reservations that hold.
al_part() {
  printf 'part %s\n' "$1"
  shift
  { al_ask "$@"; printf '\nstatus %s\n' $?; } | head -c 262144 | sed 's/^/| /'
}
# $1 the tool, or "auto": the first that is there.
al_probe() {
  al_tool=$1
  [ "$1" != auto ] || al_tool=$(
    al_vendors
    for al_one in nvidia-smi amd-smi mx-smi; do command -v $al_one >/dev/null 2>&1 && { echo $al_one; break; }; done
  )
  printf 'probe %s\n' "$al_tool"
  case $al_tool in
  "" | none) return 0 ;;
  nvidia-smi)
    al_fields=index,uuid,name,memory.total,memory.used,utilization.gpu
    al_listed=$(al_part gpus nvidia-smi --query-gpu=$al_fields,mig.mode.current --format=csv,noheader,nounits)
    # Drivers before 450 know no MIG and take no question about it.
    case $al_listed in *mig.mode.current*)
      al_listed=$(al_part gpus nvidia-smi --query-gpu=$al_fields --format=csv,noheader,nounits) ;; esac
    printf '%s\n' "$al_listed"
    al_mig=
    case $al_listed in *", Enabled"*) al_mig=mig; al_part list nvidia-smi -L; al_part table nvidia-smi ;; esac ;;
  amd-smi)
    al_part list amd-smi list --json
    al_part static amd-smi static --asic --vram --json
    al_part metric amd-smi metric --usage --mem-usage --json ;;
  mx-smi) al_part list mx-smi -L; al_part table mx-smi ;;
  gnvitop) al_part agent gnvitop --agent ;;
  esac
  al_found=$(al_users "$al_tool" "${al_mig:-}") || printf 'part users\n| failed\n'
  printf '%s\n' "$al_found" | head -n 2000 | sed 's/^/use /'
  printf '%s\n' "$al_found" | cut -d ' ' -f 2 | sort -u | head -n 200 | while read -r al_who; do
    case $al_who in "" | *[!0-9]*) continue ;; esac
    al_owner "$al_who"
    al_t=$(tr '\0' '\n' 2>/dev/null <"/proc/$al_who/environ" | sed -n 's/^AUTOLAB_TOKEN=//p' | head -n 1)
    printf 'owner %s %s %s\n' "$al_who" "${al_o:--}" "$al_t"
  done
}
# $1 the folder of reservations.
al_reserved() {
  [ -d "$1" ] && [ ! -L "$1" ] || return 0
  al_count=0
  for al_file in "$1"/*.*; do
    [ $al_count -lt 1000 ] && [ -f "$al_file" ] && [ ! -L "$al_file" ] || continue
    al_count=$((al_count + 1))
    al_over "$al_file" && continue
    al_name=${al_file##*/}
    set -- "$1" $(ls -ld "$al_file" 2>/dev/null)
    printf 'held %s%s%s%s%s%s%s%s%s%s%s%s%s\n' "${al_name%.*}" "$al_us" "${4:-unknown}" "$al_us" "$h_lab" "$al_us" \
      "$h_id" "$al_us" "$h_attempt" "$al_us" "$h_nonce" "$al_us" "$h_share"
  done
}
