"""The daemon behind `edge-node`: it holds one half of a codec and moves images over its stream to the emulator."""
