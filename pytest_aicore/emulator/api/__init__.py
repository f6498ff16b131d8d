"""From a request to an answer: routes, validation, handlers."""
