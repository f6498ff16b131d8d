"""The meaning of a workflow of Argo, for the checks, for rendering, and for engines that run workflows."""
