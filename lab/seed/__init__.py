"""What runs inside the domain controller's root, under the system's Python: the directory's population and faults.

The modules import each other by their bare names: `ad.py` is started as a script there, far from this package.
"""
