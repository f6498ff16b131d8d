"""Deployments as clients see them: created, waited for until they answer rightly, asked, updated, stopped."""
