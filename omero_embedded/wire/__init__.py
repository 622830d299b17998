"""Between Ice and the services: identities, dispatch, errors, the request log."""
