# One report per attempt that is asked for, from: job lines in a file of their own; then the names of the attempts, a
# line "%", and the output of `ls -lnA` on their folders.
# Report: standard output. What the shell must still do stands on standard error, one line each.
# Files are opened only where the listing calls them regular and small: a fifo would hang us, a huge one fill memory.
function head(file,    line) {
  line = ""
  if ((getline line < file) <= 0) line = ""
  else if ((getline more < file) > 0) line = line " \001"
  close(file)
  return line
}
function first(file,    line) {
  line = ""
  if ((getline line < file) <= 0) line = ""
  close(file)
  return line
}
function clean(text) { gsub(/[\001-\037\177]/, "?", text); return substr(text, 1, 4000) }
function text_of(line, key,    s) {
  if (!match(line, "\"" key "\":\"[^\"]*\"")) return ""
  s = substr(line, RSTART, RLENGTH)
  sub("^\"" key "\":\"", "", s)
  sub("\"$", "", s)
  return s
}
function number_of(line, key,    s) {
  if (!match(line, "\"" key "\":[0-9]+")) return ""
  s = substr(line, RSTART, RLENGTH)
  sub("^\"" key "\":", "", s)
  return s
}
# "alive" only with the same start: pids come round again. A zombie has ended.
function life(pid, start,    s, line, f, part) {
  if (pid == "" || start == "") return "unknown"
  f = "/proc/" pid "/stat"
  s = ""
  while ((getline line < f) > 0) s = s " " line
  close(f)
  if (s == "") return "gone"
  sub(/.*\)/, "", s)
  split(s, part, " ")
  return ((part[20] "") == (start "") && part[1] != "Z" && part[1] != "X") ? "alive" : "gone"
}
function at_home(path) {
  if (substr(path, 1, 2) == "~/") return ENVIRON["HOME"] substr(path, 2)
  return path
}
function small(run, name) { return (run, name) in mode && mode[run, name] == "-" && size[run, name] <= 65536 }
function report(run, known, from, project, result,    claim, nonce, same, child, runner, end, refused, bytes, left, gone) {
  print "job " run
  if (!(run in listed)) {
    print "run 0"
    print "missing " run > "/dev/stderr"
    print "end"
    return
  }
  print "run 1"
  bytes = ((run, "out.log") in size) ? size[run, "out.log"] : 0
  print "log " bytes
  if (refusals[run]) print "refusals " refusals[run]
  if (refusals[run] && small(run, refusal[run])) print "because " clean(head(run "/" refusal[run]))
  if (small(run, "staged")) print "staged " clean(first(run "/staged"))
  else if ((run, "staged") in mode) print "garbled staged is no small regular file"
  claim = ""
  if (small(run, "claim")) {
    claim = head(run "/claim")
    if (claim == "") print "garbled the claim is empty or cannot be read"
    else print "claim " clean(claim)
  } else if ((run, "claim") in mode) print "garbled the claim is no small regular file"
  nonce = text_of(claim, "nonce")
  if (nonce !~ /^[0-9a-f]+$/) nonce = ""
  if (nonce == "") {
    if (claim == "") print "await " run "/claim" > "/dev/stderr"
    print "end"
    return
  }
  same = text_of(claim, "boot_id") == ENVIRON["AL_BOOT"] && text_of(claim, "pid_ns") == ENVIRON["AL_NS"] && \
    text_of(claim, "machine_id") == ENVIRON["AL_MACHINE"] && text_of(claim, "node") == ENVIRON["AL_NODE"]
  child = runner = "unknown"
  if (same && proc) {
    # The child first: its runner publishes after it, so the other order could call a finishing attempt lost.
    child = life(number_of(claim, "pid"), number_of(claim, "start_ticks"))
    runner = life(number_of(claim, "runner_pid"), number_of(claim, "runner_start_ticks"))
  }
  print "child " child
  print "runner " runner
  end = head(run "/refused." nonce)
  refused = end != ""
  if (refused) print "refused " clean(end)
  if (refused && !known) print "news " run > "/dev/stderr"
  # Last of all: an end published while we looked at the processes is seen here.
  end = ""
  record = "exit." nonce ".json"
  if (!((run, record) in mode) || small(run, record)) end = head(run "/" record)
  if (end != "") {
    print "exit " clean(end)
    if (!known) print "news " run > "/dev/stderr"
    if (result != "-") print "result " run "\037" at_home(project) "/" result > "/dev/stderr"
    if (bytes > 0 && from == 0 && bytes <= 65536 && carried + bytes <= 2097152) {
      carried += bytes
      print "log " run > "/dev/stderr"
    }
    print "told " run "\037" at_home(project) > "/dev/stderr"
  } else {
    if ((run, "exit." nonce ".json") in mode) print "garbled the exit record is empty or cannot be read"
    if (!refused) print "await " run "/exit." nonce ".json" > "/dev/stderr"
  }
  # What may have outlived a normal end is counted once, where its group did or where it had time to leave that.
  left = end ~ /"left":1/ || number_of(end, "uptime_s") - number_of(claim, "start_ticks") / 100 >= 60
  gone = end == "" ? child == "gone" && runner == "gone" : same && proc && !known && left
  if (ENVIRON["AL_TARGETS"] != "" ? same : gone)
    print "lost " run " " nonce " " number_of(claim, "pid") " " number_of(claim, "start_ticks") " " \
      number_of(claim, "runner_pid") > "/dev/stderr"
  print "end"
}
BEGIN { proc = (getline line < "/proc/self/stat") > 0; close("/proc/self/stat") }
FNR == NR { order[++jobs] = $0; next }
$0 == "%" { listing = 1; next }
!listing { wanted[$0] = 1; next }
/:$/ && NF == 1 { folder = substr($1, 1, length($1) - 1); listed[folder] = 1; next }
folder != "" && NF >= 9 {
  mode[folder, $9] = substr($1, 1, 1)
  size[folder, $9] = $5
  if ($9 ~ /^refused\./) {
    refusals[folder]++
    refusal[folder] = $9
  }
}
END {
  for (i = 1; i <= jobs; i++) {
    split(order[i], job, "\037")
    if (job[1] in wanted) report(job[1], job[2] + 0, job[3] + 0, job[4], job[5])
  }
}
