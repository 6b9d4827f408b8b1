"""Sentence grammars of the demo data: engine.py, and one file of words and templates a language."""
