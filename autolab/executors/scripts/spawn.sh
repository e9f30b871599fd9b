# Starts a runner for each line of standard input (RUN, lab, id, attempt, token, spec hash, project's folder, code),
# in a session that nothing of ours ends. Runners are forks of this shell: two execs less per attempt (2 ms).
# $1 umask  $2 pid namespace  $3 the epoch at boot  $4 the shell, in words of ours  $5 the separator
# The full name, for the person's environment may bring another PATH.
al_sh=$4 al_more= al_setsid=$(command -v setsid)
while IFS=$5 read -r al_1 al_2 al_3 al_4 al_5 al_6 al_7 al_8; do
  (al_runner "$al_1" "$al_2" "$al_3" "$al_4" "$al_5" "$al_6" "$al_7" "$al_8" "$1" "$2" "$al_setsid" "$3") </dev/null &
done
