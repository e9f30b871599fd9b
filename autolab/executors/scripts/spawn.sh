# Starts a runner for each line of standard input (RUN, lab, id, attempt, token, spec hash, project's folder, code,
# cards, the cards' folder),
# in a session that nothing of ours ends. Runners are forks of this shell: two execs less per attempt (2 ms).
# $1 umask  $2 pid namespace  $3 the epoch at boot  $4 the shell, in words of ours  $5 the separator
# A shell ignores SIGINT and SIGQUIT for what it starts with "&", and no shell below can undo that: a command that saves
# its work at an interrupt would never get one. So the runners are one pipeline, of which each end is closed, and whose
# last part ends this shell before it could wait for them.
al_umask=$1 al_ns=$2 al_epoch=$3 al_sh=$4 al_us=$5 al_more= al_all=
# The full name, for the person's environment may bring another PATH.
al_setsid=$(command -v setsid)
al_one() {
  (al_runner "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$8" "$al_umask" "$al_ns" "$al_setsid" "$al_epoch" "$9" "${10}") </dev/null >/dev/null
}
set --
while IFS=$al_us read -r al_1 al_2 al_3 al_4 al_5 al_6 al_7 al_8 al_9 al_10; do
  al_all="$al_all{ shift $#; al_one \"\$@\"; } | "
  set -- "$@" "$al_1" "$al_2" "$al_3" "$al_4" "$al_5" "$al_6" "$al_7" "$al_8" "$al_9" "$al_10"
done
eval "${al_all}kill -s KILL $$"
