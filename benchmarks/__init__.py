"""Figures: how close the engine comes to what the service allows, each a ratio measured in one run."""
