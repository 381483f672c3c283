#!/bin/sh
echo "Mirrored with headbox."
