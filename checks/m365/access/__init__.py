"""Conditional Access evaluated exactly: which sign-ins escape what the policies demand.

A sign-in is a point: an account, a target, a client, a platform, a place, two risks, a device and a flow. Each policy
gives each value of each of these axes one of three states: it applies, it does not, or that could not be determined.
Values that no policy tells apart are one class, so that a finite search decides for every sign-in there may be.
"""
