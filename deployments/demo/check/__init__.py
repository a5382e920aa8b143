"""The check that reads pixels: does a picture show what its prompt asks for?

:mod:`cases` holds the prompts and what each asks for, :mod:`read` says what a picture shows, in the world's own words.
Nothing here is a neural network, knows of models or has seen their pictures: colours and figures are measured, scenes
are compared with freshly painted ones. So a model can't please it by making the same mistake.
"""
