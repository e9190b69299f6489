"""Readers of radio captures: containers, link headers, 802.11 frames, key and EAP exchanges."""
