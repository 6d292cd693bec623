#!/bin/sh
# Every page that the README names is there.
set -eu
test -d docs/pictures
