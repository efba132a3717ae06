"""A GCS API server for one machine or one team's stack, with objects in files.

It speaks the part of Google's JSON API that Google's Python client, `ckpt_ops.store` and `curl` use:
buckets, whole and resumable uploads, ranged downloads, listings, copies, and the preconditions of each.
Nobody gets in without the secret, from another site, or under another host's name; names of objects
never become paths; and the process gives up root and every other file before it takes a connection.

`python -m ckpt_ops.embedded.gcs` runs it; `ckpt_ops.embedded.gcs_server` starts and stops it.

Source: https://docs.cloud.google.com/storage/docs/json_api/v1
"""
