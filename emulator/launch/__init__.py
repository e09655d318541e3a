"""Where processes run. local.py starts them on this machine."""
