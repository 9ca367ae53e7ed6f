"""Draws the demo shop's pictures: batik cloth from formulas, and products made of it.

`field` numbers on a grid · `palettes` dyes and grounds · `cloth` wax, dye and cracks · `motifs`, `floral`, `sarong`
what is drawn on the cloth · `stage` light, shadow and camera · `shots`, `tabletop`, `shirt`, `editorial` what the
camera sees · `products` a picture from its description · `catalogue` which pictures the demo shop needs · `export`
files.

Only numpy and Pillow are needed, nothing is downloaded, and the same seed gives the same picture.
"""
