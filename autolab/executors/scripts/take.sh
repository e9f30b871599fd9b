# Reserving cards. Each is an entry of a sticky folder, made by a link, named by card and a growing number. Whoever made
# one looks at the others of that card afterwards and gives it back if one of them holds: so of two that come together
# at most one stays, and an entry of somebody else's, which we could not remove, does no harm once its holder is gone.
# $1 cards: tool, "whole" or the MiB to share, and key=name for each  $2 the folder
al_take_cards() {
  al_cards=$1 al_shelf=$2
  set -- $al_cards
  al_tool=$1 al_share=$2
  shift 2
  al_mig=
  case " $*" in *" "[0-9]*/*) al_mig=mig ;; esac
  # The link first, the look last: whoever comes after it finds the link.
  al_put_on_shelf || return 1
  for al_one; do
    al_take "${al_one#*=}" || return 1
  done
  rm -f "$al_entry" 2>/dev/null
  al_seen=$(al_users "$al_tool" "$al_mig") ||
    al_refuse "card not known: $al_tool says $(printf '%s' "$al_seen" | tail -n 1)"
  for al_one; do
    al_last_look "${al_one%%=*}" "${al_one#*=}"
  done
}
al_put_on_shelf() {
  al_tries=0
  while :; do
    [ -e "$al_shelf" ] || (umask 0; mkdir -p "$al_shelf" && chmod 1777 "$al_shelf") 2>/dev/null
    case $(ls -ld "$al_shelf" 2>/dev/null) in drwxrwxrwt*) break ;; esac
    # Another child may be making it, and mode and folder come one after the other.
    al_tries=$((al_tries + 1))
    [ $al_tries -lt 10 ] ||
      al_refuse "card folder $al_shelf is no folder that all may write and nobody else's files remove (mode 1777)"
    al_doze 0.1
  done
  [ ! -L "$al_shelf" ] || al_refuse "card folder $al_shelf is a link"
  # What a child left that ended in between; those of others we cannot remove.
  find "$al_shelf" -maxdepth 1 -type f -name '.[0-9a-f]*' -mmin +60 -exec rm -f {} + 2>/dev/null
  al_entry=$al_shelf/.$al_nonce
  set -C
  { (umask 022; printf '%s %s %s %s %s %s %s %s %s\n%s\n' "$al_nonce" "$al_lab8" "$al_id" "$al_attempt" "$al_pid" \
    "$al_my_ticks" "$al_boot" "$al_ns" "$al_share" "$al_run" >"$al_entry"); } 2>/dev/null
  set +C
  [ -s "$al_entry" ] || al_refuse "card folder $al_shelf cannot be written: disk full?"
}
# $1 card.
al_take() {
  al_tries=0
  while [ $al_tries -lt 4 ]; do
    al_tries=$((al_tries + 1)) al_by_whom=
    al_each_holder "$al_shelf" "$1" al_held_by
    if [ -z "$al_by_whom" ] && ln "$al_entry" "$al_shelf/$1.$al_next" 2>/dev/null; then
      al_sweep=$al_next
      al_each_holder "$al_shelf" "$1" al_held_by
      al_sweep=0
      [ -n "$al_by_whom" ] || return 0
      al_let_go "$1"
    fi
    # Who waits longer lets the other one through.
    case $al_nonce in [0-7]*) al_doze 0.1 ;; *) al_doze 0.4 ;; esac
  done
  # Another try of this very attempt is before us: it has the card, and the claim will be its.
  [ "$al_by_whom" != same ] || { al_drop_cards; exit 79; }
  al_refuse "card $1 is reserved: ${al_by_whom:-others came together}"
}
al_held_by() {
  [ "$h_nonce" != "$al_nonce" ] || return 0
  if [ "$h_lab $h_id $h_attempt" = "$al_lab8 $al_id $al_attempt" ] && [ -O "$al_file" ]; then
    al_by_whom=same
    return 0
  fi
  # Shares of one lab lie side by side: the lab has seen to the sum.
  case $al_share-$h_share in *[!0-9-]* | -* | *-) ;; *)
    [ "$h_lab" != "$al_lab8" ] || [ ! -O "$al_file" ] || return 0 ;;
  esac
  set -- $(ls -ld "$al_file" 2>/dev/null)
  al_by_whom="$h_id of user ${3:-unknown} has it"
}
# $1 key  $2 card. Nobody may be on a card that is taken whole; on a shared one, ours alone.
al_last_look() {
  while read -r al_key al_who _; do
    [ "$al_key" = "$1" ] || continue
    case $al_share in
    whole) ;;
    *) ! tr '\0' '\n' 2>/dev/null <"/proc/$al_who/environ" | grep -q '^AUTOLAB_NONCE=' || continue ;;
    esac
    al_owner "$al_who"
    al_refuse "card $2 is in use: pid $al_who of user ${al_o:-unknown}"
  done <<E
$al_seen
E
}
al_doze() { sleep "$1" 2>/dev/null || sleep 1; }
# Entries of ours for card $1.
al_let_go() {
  for al_file in "$al_shelf/$1".*; do
    [ -f "$al_file" ] && [ ! -L "$al_file" ] && [ -O "$al_file" ] || continue
    al_back=
    { read -r al_back _; } 2>/dev/null <"$al_file"
    [ "$al_back" != "$al_nonce" ] || rm -f "$al_file" 2>/dev/null
  done
}
# All of them, and what they were linked from; without cards nothing.
al_drop_cards() {
  [ -n "${al_shelf:-}" ] || return 0
  set -- $al_cards
  [ $# -gt 2 ] || return 0
  shift 2
  for al_one; do al_let_go "${al_one#*=}"; done
  rm -f "$al_shelf/.$al_nonce" 2>/dev/null
}
