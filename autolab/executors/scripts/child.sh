# Takes the claim and becomes the command, under one pid; or never runs it. A process of its own, forked by the runner,
# with the runner's arguments; al_by is the runner's mark, by which it knows a claim of its own child; al_runner_pid and
# al_runner_ticks are the runner's (asked for by the child they could be those of init, which adopts us when the runner
# dies, and never ends). al_sh: the shell; al_more: further members of the record, in a job system.
al_ticks() {
  al_t=
  { read -r al_t; } 2>/dev/null <"/proc/$1/stat"
  al_p=${al_t%% *}
  # Fields 3 and on: the name before them may hold spaces and brackets.
  al_fields ${al_t##*) }
}
al_fields() {
  shift 19
  al_t=$1
}
al_refuse() {
  al_drop_cards
  { printf '%s\n' "$1" >"$al_run/refused.$al_nonce"; } 2>/dev/null
  sync "$al_run/refused.$al_nonce" "$al_run" 2>/dev/null || sync
  exit 78
}
al_child() {
  al_run=$1 al_code=$8 al_id=$3 al_attempt=$4 al_lab8=${2%"${2#????????}"} al_shelf=
  # /proc/self is this fork; $$ would be the shell that it was forked from.
  al_ticks self && al_pid=$al_p al_my_ticks=$al_t
  al_nonce=
  if { IFS=- read -r al_1 al_2 _ _ al_5; } 2>/dev/null </proc/sys/kernel/random/uuid &&
    { IFS=- read -r al_6 _; } 2>/dev/null </proc/sys/kernel/random/uuid; then
    # 12 + 12 + 8 digits that a version 4 UUID leaves random: 128 bits without a fork.
    al_nonce=$al_1$al_2$al_5$al_6
  fi
  [ ${#al_nonce} -eq 32 ] || al_nonce=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  [ ${#al_nonce} -eq 32 ] || { al_nonce=00000000000000000000000000000000; al_refuse 'no source of random bits'; }
  case $al_my_ticks-$al_runner_ticks in *[!0-9-]* | -* | *-) al_refuse 'no /proc to tell processes apart' ;; esac
  [ -r "$al_run/cmd.sh" ] && [ -r "$al_run/env" ] || al_refuse 'the staged command or environment cannot be read'
  cd "$al_code" 2>/dev/null || al_refuse 'the snapshot of the code is not there'
  { true >>"$al_run/out.log"; } 2>/dev/null || al_refuse 'the log cannot be opened: disk full or not writable'
  al_boot= al_machine= al_node=
  { read -r al_boot; } 2>/dev/null </proc/sys/kernel/random/boot_id || al_refuse 'the boot id cannot be read'
  { read -r al_machine; } 2>/dev/null </etc/machine-id
  { read -r al_node; } 2>/dev/null </proc/sys/kernel/hostname
  case $al_node in *[\"\\]*) al_node=unprintable ;; esac
  case $al_machine in *[\"\\]*) al_machine=unprintable ;; esac
  al_ns=${10}
  [ -n "$al_ns" ] || al_ns=$(readlink /proc/self/ns/pid)
  al_line="{\"nonce\":\"$al_nonce\",\"lab\":\"$2\",\"id\":\"$3\",\"attempt\":$4,\"token\":\"$5\",\"spec_hash\":\"$6\",\
\"pid\":$al_pid,\"start_ticks\":$al_my_ticks,\"runner_pid\":$al_runner_pid,\"runner_start_ticks\":$al_runner_ticks,\
\"boot_id\":\"$al_boot\",\"pid_ns\":\"$al_ns\",\"machine_id\":\"$al_machine\",\"node\":\"$al_node\",\"by\":\"$al_by\"$al_more}"
  al_me=$al_run/me.$al_nonce
  set -C
  { printf '%s\n' "$al_line" >"$al_me"; } 2>/dev/null
  set +C
  al_back=
  { read -r al_back; } 2>/dev/null <"$al_me"
  [ "$al_back" = "$al_line" ] || al_refuse 'the claim could not be written: disk full or not writable'
  sync "$al_me" 2>/dev/null || sync
  [ -z "${13:-}" ] || al_take_cards "${13}" "${14}"
  # Its answer is ignored: over a network a link that was made may be reported as failed.
  ln "$al_me" "$al_run/claim" 2>/dev/null
  sync "$al_run" 2>/dev/null || sync
  al_back=
  { read -r al_back; } 2>/dev/null <"$al_run/claim"
  if [ "$al_back" != "$al_line" ]; then
    [ -e "$al_run/claim" ] && { al_drop_cards; exit 79; }
    al_refuse 'no claim could be linked: no hard links here, disk full or not writable'
  fi
  { echo 500 >/proc/self/oom_score_adj; } 2>/dev/null
  { true >>"$al_run/out.log"; } 2>/dev/null || al_refuse 'the log cannot be opened: disk full or not writable'
  al_become "$al_run" "$al_nonce" "$5" "$3" "$4" "$7" "$9" ${11:+"${11}"} $al_sh "$al_run/cmd.sh"
}
# $1 RUN  $2 nonce  $3 token  $4 id  $5 attempt  $6 project's folder  $7 umask, and the words of the command. Nothing of
# ours stands in a variable here: the person's environment may name any, IFS and PATH too.
al_become() {
  while IFS= read -r al_line || [ -n "$al_line" ]; do
    case $al_line in [A-Za-z_]*=*) export "$al_line" ;; esac
  done 2>/dev/null <"$1/env" || { al_run=$1 al_nonce=$2 al_shelf=; al_refuse 'the staged environment cannot be read'; }
  export AUTOLAB_TOKEN="$3" AUTOLAB_NONCE="$2" AUTOLAB_ID="$4" AUTOLAB_ATTEMPT="$5"
  export AUTOLAB_PROJECT_DIR="$6" AUTOLAB_RUN_DIR="$1"
  umask "$7"
  exec >>"$1/out.log" 2>&1
  shift 7
  exec "$@"
}
