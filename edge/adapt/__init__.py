"""Fine-tuning after deployment (FTSC, section IV): DFT, LSDFT, and the states they leave. No sockets, no event loop."""
