"""What runs beside a GPU: the engine, the catalog of models, image storage and the Ray Serve replica.

Importing this package loads neither torch nor Ray.
"""
