# Tries a command in a copy of the code whose results, checkpoints and logs are folders of its own, as the command of
# an attempt. al_first and al_second print the text to run; al_own: lines of names that are not the project's;
# al_dry_s: seconds that a run may take. al_step, al_failed: of ready.sh.
al_dry() {
  al_tree=$AUTOLAB_RUN_DIR/tree
  mkdir -p "$al_tree" && cp -RP . "$al_tree/" 2>"$AUTOLAB_RUN_DIR/copy.out" || { al_status=$?; al_failed copy; }
  al_own | while IFS= read -r al_name; do
    rm -rf "$al_tree/$al_name"
    mkdir -p "$al_tree/$al_name" "$AUTOLAB_PROJECT_DIR/$al_name"
  done
  cd "$al_tree" || { al_status=1; al_failed copy; }
  for al_flag in first second; do
    al_step "$al_flag" "$al_dry_s" && { printf 'passed %s\n' "$al_flag"; break; }
    # A program that does not know the flag says so; anything else is a failure of the run itself.
    tail -n 20 "$AUTOLAB_RUN_DIR/$al_flag.out" | grep -q -i -e 'unrecognized arg' -e 'unknown option' \
      -e 'no such option' -e 'unrecognized option' -e 'invalid option' -e 'unexpected .*argument' \
      -e 'unknown flag' -e 'unknown command line flag' -e 'could not override' || al_failed "$al_flag"
    [ "$al_flag" = first ] || echo 'unknown flags'
  done
  rm -rf "$al_tree"
}
