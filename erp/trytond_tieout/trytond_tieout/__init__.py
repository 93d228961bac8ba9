"""Tryton module ``tieout``: what posts a tieout command once, and finds it again. See README.md beside this package."""
