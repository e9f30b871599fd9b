# Of attempts that were seen running: "same RUN bytes of log" where that still holds, RUN alone on standard error where
# it may not. Words RUN:nonce:pid:start:pid of the runner:its start in a file of their own, then what `ls -ln` says of
# their logs; AL_NEWS names those whose folder shows an end.
BEGIN {
  here = ",\"boot_id\":\"" ENVIRON["AL_BOOT"] "\",\"pid_ns\":\"" ENVIRON["AL_NS"] "\",\"machine_id\":\"" \
    ENVIRON["AL_MACHINE"] "\",\"node\":\"" ENVIRON["AL_NODE"] "\""
}
# The fields of /proc stat behind the name, in which brackets and newlines may stand.
function lives(pid,    f, s, line) {
  f = "/proc/" pid "/stat"
  s = ""
  while ((getline line < f) > 0) s = s " " line
  close(f)
  sub(/.*\)/, "", s)
  split(s, part, " ")
  return part[1] != "" && part[1] != "Z" && part[1] != "X"
}
function is_same(word,    f, line, begin, named) {
  if (!((word[1] "/out.log") in size)) return 0
  f = word[1] "/claim"
  line = ""
  if ((getline line < f) <= 0) line = ""
  close(f)
  begin = "{\"nonce\":\"" word[2] "\","
  if (substr(line, 1, length(begin)) != begin) return 0
  named = ",\"pid\":" word[3] ",\"start_ticks\":" word[4] \
    ",\"runner_pid\":" word[5] ",\"runner_start_ticks\":" word[6] here
  if (!index(line, named)) return 0
  if (!lives(word[3]) || (part[20] "") != (word[4] "")) return 0
  # Its parent is the runner: that one lives, for a parent that ends is replaced.
  if ((part[2] "") == (word[5] "")) return 1
  return lives(word[5]) && (part[20] "") == (word[6] "")
}
FNR == NR { order[++jobs] = $0; next }
substr($1, 1, 1) == "-" { size[$9] = $5 }
END {
  for (i = 1; i <= jobs; i++) {
    split(order[i], word, ":")
    if (!index(ENVIRON["AL_NEWS"], " " word[1] " ") && is_same(word)) print "same " word[1] " " size[word[1] "/out.log"]
    else print word[1] > "/dev/stderr"
  }
}
