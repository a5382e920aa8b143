"""The picture world of the demo weights: what there is to paint, how it is said, how it is drawn, how it is read.

:mod:`picture` holds the things themselves, :mod:`draw` picks one, :mod:`caption` says it in words, :mod:`paint` draws
it. Nothing here knows of models or of torch.
"""
