#!/bin/sh
# Checks a public log as its readers do: sh examples/audit.sh FOLDER OWNER
# FOLDER is a copy of what a gateway publishes; nothing else is needed, and nobody is asked.
set -eu
lamplighter audit verify "$1"                        # every root, every sum, every receipt's verdict
lamplighter audit statement "$1" --owner "$2"        # what the owner earned, by epoch
cp "$1/checkpoint" checkpoint                        # keep it: a log that changes its past cannot match it again
lamplighter audit verify "$1" --since checkpoint
