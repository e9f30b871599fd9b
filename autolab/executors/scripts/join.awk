# Lost attempts, "%", "pid start session" and "B pid" lines, "%", environments as lines under tail's headers.
# kind "counts": "others RUN n" and "unreadable RUN n"; kind "targets": "target RUN pid start".
$0 == "%" && section < 2 { section++; next }
section == 0 && NF {
  run[++jobs] = $1
  job_of[$2] = jobs
  pid[jobs] = $3
  start[jobs] = $4
  waiter[jobs] = $5
  next
}
section == 1 && $1 == "B" { blind[$2] = 1; next }
section == 1 && NF { born[$1] = $2; session[$1] = $3; next }
section == 2 && /^==> \/proc\/[0-9]+\/environ <==$/ { at = $2; sub("/proc/", "", at); sub("/environ", "", at); next }
section == 2 && /^AUTOLAB_NONCE=/ { n = substr($0, 15); if (n in job_of) holds[at, job_of[n]] = 1 }
END {
  for (j = 1; j <= jobs; j++) {
    others = unreadable = 0
    for (p in born) {
      if (born[p] + 0 < start[j] + 0) continue
      if (blind[p]) unreadable++
      if (p == waiter[j]) continue
      child = p == pid[j] && born[p] == start[j]
      if (!child && session[p] != pid[j] && !((p, j) in holds)) continue
      if (!child) others++
      if (kind == "targets") print "target", run[j], p, born[p]
    }
    if (kind == "counts") printf "others %s %d\nunreadable %s %d\n", run[j], others, run[j], unreadable
  }
}
