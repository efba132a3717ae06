"""The sources that come with ckpt_ops: files, an HTTP API, PostgreSQL, BigQuery."""
