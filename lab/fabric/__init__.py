"""Where hosts live: network, time and faults behind one seam (`base`)."""
