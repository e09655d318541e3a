"""Channel physics: what noise does to symbols, bits, indices and packets.

Pure functions of a signal and a counter-based draw (noise.py). No gRPC, no files, no clocks. Everything here needs only
NumPy, except torch_faces.py, which states the same laws for training and is imported by nobody else in this package.

One file a law:

- ``awgn``, ``fading``: complex symbols, SNR = Es/N0;
- ``bsc``: packed bits; ``levels``: how reliable each class of bits is;
- ``dmc``: K-ary indices;
- ``qam``: packed bits through uncoded QAM over AWGN;
- ``ldpc``: bits in coded blocks (codes of ``ldpc_code``) through QAM (``soft_qam``) over AWGN to a decoder
  (``belief_propagation``); ``mcs``: which modulation and code rate at which SNR;
- ``erasure``: which packets are lost.

Every channel on payloads but ``ldpc`` is called as ``channel(signal, offset, draw)``: ``signal`` is the contiguous
slice of a segment that starts at element ``offset``, ``draw`` a ``SegmentNoise``. However a segment is cut, its slices
come out the same.
"""
