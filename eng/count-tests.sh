#!/bin/sh
# count-tests.sh DIR: adds up the result files of a test run, names what failed, ends with one line.
grep -ho '<Counters [^>]*>' "$1"/*.trx 2>/dev/null | awk '
  function value(name) { match($0, name "=\"[0-9]+\""); return substr($0, RSTART + length(name) + 2) + 0 }
  { passed += value(" passed"); failed += value(" failed"); total += value(" total") }
  END { printf "%d passed, %d failed, %d skipped\n", passed, failed, total - passed - failed }'
