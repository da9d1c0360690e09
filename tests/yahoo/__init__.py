"""A stand-in for Yahoo and FRED: real servers that speak their protocols, with a script of what goes wrong."""
