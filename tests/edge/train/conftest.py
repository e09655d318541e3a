"""One torch thread: the networks here are so small that waiting for a second thread costs more than it gives."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
