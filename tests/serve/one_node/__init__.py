"""Applications that need one node: they come and go on a cluster that all of these tests share."""
