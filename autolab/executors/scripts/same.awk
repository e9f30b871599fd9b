# Of attempts that were seen running: "same RUN" where that still holds, RUN alone on standard error where it may not.
# Lines RUN:nonce:pid:start:pid of the runner:its start; AL_NEWS names those whose folder shows an end.
BEGIN {
  FS = ":"
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
function is_same(    f, line, begin, named) {
  f = $1 "/claim"
  line = ""
  if ((getline line < f) <= 0) line = ""
  close(f)
  begin = "{\"nonce\":\"" $2 "\","
  if (substr(line, 1, length(begin)) != begin) return 0
  named = ",\"pid\":" $3 ",\"start_ticks\":" $4 ",\"runner_pid\":" $5 ",\"runner_start_ticks\":" $6 here
  if (!index(line, named)) return 0
  if (!lives($3) || (part[20] "") != ($4 "")) return 0
  # Its parent is the runner: that one lives, for a parent that ends is replaced.
  if ((part[2] "") == ($5 "")) return 1
  return lives($5) && (part[20] "") == ($6 "")
}
{
  if (!index(ENVIRON["AL_NEWS"], " " $1 " ") && is_same()) print "same " $1
  else print $1 > "/dev/stderr"
}
