"""Whether a machine is what its offer promised: a script that looks (check.sh), what it printed
(reading.py), and the judgement (judging.py).
"""
