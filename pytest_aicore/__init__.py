"""SAP AI Core training runs as pytest acceptance tests."""
