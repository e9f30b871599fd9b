# New bytes of the logs of attempts that run. al_wanted: lines RUN, bytes already read. $1: most bytes of one log; who
# is further behind begins that far from the end. A log that is shorter than it was begins anew.
al_skim_all() {
  while IFS=$al_us read -r al_run al_from; do
    [ -f "$al_run/out.log" ] && [ -r "$al_run/out.log" ] || continue
    al_size=$(($(wc -c <"$al_run/out.log")))
    [ "$al_from" -le $al_size ] || al_from=0
    [ $((al_size - al_from)) -le "$1" ] || al_from=$((al_size - $1))
    printf 'new %s %s %s\n' "$al_run" "$al_from" $((al_size - al_from))
    [ "$al_from" -eq $al_size ] || tail -c +$((al_from + 1)) <"$al_run/out.log" | head -c $((al_size - al_from))
    echo
  done <<E
$(al_wanted)
E
  echo over
}
