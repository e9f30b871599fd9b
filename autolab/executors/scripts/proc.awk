# From "RUN nonce pid ticks runner" lines, "%" and /proc/<pid> names: "pid start session" of each process of this user
# that is no older than the oldest of these attempts. Zombies have ended.
!names && $0 == "%" { names = 1; next }
!names { if (oldest == "" || $4 + 0 < oldest) oldest = $4 + 0; next }
{
  s = ""
  f = $0 "/stat"
  while ((getline line < f) > 0) s = s " " line
  close(f)
  if (s == "") next
  sub(/.*\)/, "", s)
  split(s, part, " ")
  if (part[1] == "Z" || part[1] == "X" || part[20] + 0 < oldest) next
  # The kernel's own threads (PF_KTHREAD) are root's, come and go, and cannot be opened since Linux 6.13.
  if (int(part[7] / 2097152) % 2) next
  uid = ""
  f = $0 "/status"
  while ((getline line < f) > 0) if (line ~ /^Uid:/) { split(line, id, /[ \t]+/); uid = id[2]; break }
  close(f)
  if (uid != self) next
  pid = $0
  sub("/proc/", "", pid)
  print pid, part[20], part[4]
}
