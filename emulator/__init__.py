"""What stands between devices: channels, bearers, links, the emulator daemon, and the controller of scenarios."""
