"""Definitions by domain: assets, checks, schedules and sensors."""
