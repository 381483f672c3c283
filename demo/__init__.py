"""The main job on real files, in a minute: `make demo`."""
