#!/bin/sh
# Ruff and mypy strict on our packages.
set -eu
bin=$1
"$bin/ruff" check --quiet .
"$bin/ruff" format --check --quiet .
"$bin/mypy" -p checks -p reports -p agent -p lab
