"""How the demo weights were made: ``python -m deployments.demo.training`` trains all of them from nothing.

:mod:`stage` runs any one training, with progress, checkpoints and samples; the other modules say what is trained and
on what; :mod:`export` writes the result in diffusers layout.
"""
